"""`camkit migrate`: code written for other libraries, rewritten for camkit."""
