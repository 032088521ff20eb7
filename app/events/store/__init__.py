"""Statements on the stored events."""
