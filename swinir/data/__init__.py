"""Training data: degradations, crops, datasets."""
