"""Tables, rows, keys and values of share links."""
