"""Pictures: files, colour, tensors, resizing."""
