"""The studio: a page in the browser that explains pictures, served on this machine to itself."""
