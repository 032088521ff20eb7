"""Statements on the stored share links."""
