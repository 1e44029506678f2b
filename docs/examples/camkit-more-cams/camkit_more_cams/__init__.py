"""Three methods, an adapter and a renderer for camkit."""
