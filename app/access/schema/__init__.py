"""Tables, rows, keys and values of access."""
