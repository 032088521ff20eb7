"""One numbered event log per account: append, read, stream and relay events."""
