"""Which map to believe: methods judged by metrics on the user's own model and images."""
