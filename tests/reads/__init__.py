"""What reads cost and promise at two app processes over one database with its reader, and one Redis."""
