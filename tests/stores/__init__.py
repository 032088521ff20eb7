"""The clients of the external systems, against the real ones."""
