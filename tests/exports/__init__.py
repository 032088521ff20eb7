"""Tests of the archive, of an export's life, and of the worker that makes it."""
