"""The stored row of an item, and its keys in S3."""
