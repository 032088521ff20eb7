"""The relational database's history, forward and backward, and how to run it."""
