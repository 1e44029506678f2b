"""Explanations to look into, in a browser: in a notebook, a file, or the studio."""
