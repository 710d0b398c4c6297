"""Training: recipe, moving average, saved state, loop."""
