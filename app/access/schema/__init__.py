"""Tables, keys and values of access, and statements on them for other capabilities."""
