"""What follows the target layer: run again on edited activations, or known in closed form."""
