"""The pass up to the target layer as compiled code, and what follows it replayed from a tape."""
