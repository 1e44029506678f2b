"""What the maps of a data set say: mistakes, classes, clusters that look alike, errors."""
