"""The user's inputs: model, images, further arguments, targets."""
