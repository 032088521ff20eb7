"""Tables, keys and values of accounts, and statements on them for other capabilities."""
