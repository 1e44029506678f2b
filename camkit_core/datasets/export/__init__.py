"""Explanations of a data set in the formats of other tools."""
