"""Statistics of small, clustered, rare and sampled data: arrays in, frozen results out; nothing here knows a record or a store.

Every formula, what it assumes and where it was shown to hold: ``docs/methods.md``.
"""
