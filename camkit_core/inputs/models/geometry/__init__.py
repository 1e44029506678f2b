"""What a preprocessing does to a picture's places: measured, and undone."""
