"""Small networks of many tasks: the layer to be explained, and its map by hand."""
