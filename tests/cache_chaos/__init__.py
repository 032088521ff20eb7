"""Four processes with a cache each, on one database and one Redis to which everything happens: no read may be stale."""
