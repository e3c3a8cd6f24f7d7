"""How networks are trained: data, networks, training, ensembles, and the `Record` that they leave."""
