"""What the service withstands: kills, pauses, doubled messages, stores in trouble; all through real processes."""
