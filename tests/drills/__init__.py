"""Resilience against kills, pauses, duplicate messages and failing stores, tested with real processes."""
