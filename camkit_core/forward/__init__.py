"""The model run once and kept, and everything put back as it was."""
