"""Loops only; each calls services."""
