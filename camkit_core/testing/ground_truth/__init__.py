"""Methods where the truth is known: tiers 0 and 1, scenes, the small networks."""
