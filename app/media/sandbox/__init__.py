"""The confined child processes that decode and encode."""
