"""Where the images of a data set come from: folders, lists of paths, torch's data sets."""
