"""Definitions shared by both tiers and the client: wire models, events, problem types, ids."""
