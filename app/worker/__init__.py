"""The worker's loops; each calls services."""
