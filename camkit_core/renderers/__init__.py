"""The built-in renderers, one file each, found as plugins."""
