"""Result files made by really running other evaluation tools, each in an environment of its own: ``python -m benchmarks.peers``.

They are what `tests/data/peers` holds and `tests/unit/test_peers_files.py` gates. A program here is run by the Python of its peer's
environment, in a folder with ``questions.json``; it gets the name of the arm and writes the peer's own result file.
"""
