"""Property tests draw the same examples every time: a red run is red again. No deadlines: speed is measured in benchmarks."""

from hypothesis import settings

settings.register_profile("plumbline", derandomize=True, deadline=None)
settings.load_profile("plumbline")
