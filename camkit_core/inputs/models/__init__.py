"""A model by its name, ready to be explained; and what any model carries, as class names."""
