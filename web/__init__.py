"""The public tier: page, cookie to bearer, forwarding."""
