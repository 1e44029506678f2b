"""From a batch of images to rows of the table, whatever engine runs it."""
