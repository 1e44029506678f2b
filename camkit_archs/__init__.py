"""The built-in architecture adapters, one file a family; pyproject.toml declares them."""
