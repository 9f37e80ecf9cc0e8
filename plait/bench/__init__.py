"""How fast a model can run here, how fast it does, and what stands between the two."""
