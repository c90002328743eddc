"""Customers' reports: they hide a text at once and bind every later candidate."""
