"""A restorer over images whose truth is known: scores, tables, the papers' figures beside them."""
