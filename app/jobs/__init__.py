"""What every job and every loop of a process shares: isolation from its failures, and backoff."""
