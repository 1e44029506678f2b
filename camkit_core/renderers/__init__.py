"""The built-in renderers, one file each; pyproject.toml declares each under its name."""
