"""Which rows of each call's result reach the output, and the calls for these rows alone."""
