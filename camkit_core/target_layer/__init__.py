"""Which layer is explained, and how its output is a grid."""
