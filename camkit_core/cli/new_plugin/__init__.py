"""`camkit new-plugin`: the command, the project it writes, and its templates."""
