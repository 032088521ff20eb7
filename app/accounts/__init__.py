"""Accounts, their sessions, and the authentication of requests."""
