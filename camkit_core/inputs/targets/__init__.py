"""What is explained: one score for each image, a file for each task."""
