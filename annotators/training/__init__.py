"""What people said, as training data that never touches what the gate holds."""
