"""Statements on the stored accounts."""
