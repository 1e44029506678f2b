"""The built-in metrics, one file each, found as plugins."""
