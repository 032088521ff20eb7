"""Reads and writes of the log in DynamoDB, and of outbox, cursors and requests in Aurora."""
