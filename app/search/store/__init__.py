"""Statements on the search index."""
