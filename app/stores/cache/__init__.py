"""Reads that are never stale and never stampede: cache-aside over Redis before Aurora."""
