"""Maintenance of items: what is due without a request."""
