"""Models by their names and pictures from files: what is explained where nobody made a tensor."""
