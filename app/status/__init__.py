"""Whether this installation serves its users, for the health check of a DNS name."""
