"""Deleting, restoring and purging items."""
