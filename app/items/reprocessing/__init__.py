"""Reprocessing ready items by a new recipe."""
