"""What the user hands in: model, images, further arguments, targets."""
