"""Share links: visitors without an account see an album."""
