"""HTTP routes of items."""
