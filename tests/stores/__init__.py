"""The clients of the external systems, on real servers."""
