"""One small program a peer, each run by the Python of that peer's own environment; and the judge's server that all of them ask.

A program is called with the server's address, a file of samples (a JSON object a line: ``question``, ``answer``, ``contexts``, and a
``language`` that only ours reads), how many to have in flight and how many to warm up with; it prints ``{"seconds": …, "scored": …,
"version": …}``.
"""
