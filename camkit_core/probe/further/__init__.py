"""What a probe asks further: other methods, other targets, versions of an image."""
