"""The hub: records, store, metrics, statistics, experiments and the gate. Knows nothing of the packages above it."""
