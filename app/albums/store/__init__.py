"""Statements on the stored albums."""
