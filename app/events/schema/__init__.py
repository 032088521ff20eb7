"""Tables of events, and statements over them for other capabilities."""
