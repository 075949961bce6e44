"""Makes the helpers that lie in this folder importable for all tests."""
