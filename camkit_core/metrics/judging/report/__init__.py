"""A judgement as a page and as JSON."""
