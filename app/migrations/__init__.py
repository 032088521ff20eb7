"""Schema migrations of the relational database, and how to run them."""
