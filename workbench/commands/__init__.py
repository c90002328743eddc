"""The commands of `plumb`, one file a step of the loop; each has ``register(app)``."""
