"""What the command knows: lists of plugins and models, and what one of them does."""
