"""A chaos test of the cache: four processes on one database and one Redis under faults; no read may be stale."""
