"""Random and hostile inputs for every entrance of camkit, and what may come of them.

Each module gives a hypothesis strategy of inputs, `inputs`, and a function that tries one of them,
`tried`. It returns the name of the outcome, and fails for an outcome that camkit does not allow.
"""
