"""How arrays learn from a mini-batch: one file per algorithm, named as in the literature."""
