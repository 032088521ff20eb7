"""Tables, rows, keys and values of search."""
