"""Tables, rows, keys and values of accounts."""
