"""The private tier: the API and the workers."""
