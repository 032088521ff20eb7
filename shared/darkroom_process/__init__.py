"""What every server process does alike; the client never imports it."""
