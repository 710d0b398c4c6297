"""Full-reference image quality, by the papers' protocol."""
