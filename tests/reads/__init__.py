"""What reads cost and guarantee at two app processes with one Redis and one database, which has a reader."""
