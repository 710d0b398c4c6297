"""What goes wrong with weights."""


class CheckpointError(ValueError):
    """Weights that cannot be used; one line that says why and what to do."""
