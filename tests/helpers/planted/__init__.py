"""Small models in which one place of the image decides the answer."""
