"""Tables, rows, keys and values of items."""
