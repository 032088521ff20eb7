"""The documents match the code."""
