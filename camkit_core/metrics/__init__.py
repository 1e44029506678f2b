"""The built-in metrics, one file a family; pyproject.toml declares each under its name."""
