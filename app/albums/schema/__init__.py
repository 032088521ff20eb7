"""Tables, rows, keys and values of albums."""
