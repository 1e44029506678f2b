"""Where models come from: one file a library, which is imported when it is asked for."""
