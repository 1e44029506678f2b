"""The built-in metrics, one file a family, found as plugins."""
