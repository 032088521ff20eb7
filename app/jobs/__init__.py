"""Parts that all jobs and loops of a process share: isolation of failures, and backoff."""
