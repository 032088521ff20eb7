"""Share links: access, contents, and expiry."""
