"""What other packages make of the same numbers: `reference.py` runs where they are installed and writes `values.json`, which tests read."""
