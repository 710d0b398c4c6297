"""Command lines: arguments -> one call."""
