"""The web tier: static page, session cookie to bearer token, forwarding to the app."""
