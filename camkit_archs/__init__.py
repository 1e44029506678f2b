"""The built-in architecture adapters, one file a family, found as plugins."""
