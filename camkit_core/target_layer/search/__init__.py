"""The search for a layer: a pass of one image, the tests of each candidate, the choice."""
