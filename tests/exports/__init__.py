"""Exports: the ZIP itself, the life of an export, the worker that makes it."""
