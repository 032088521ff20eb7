"""The stories that must work, through all processes."""
