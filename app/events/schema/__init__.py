"""Tables and values of events, and statements on them for other capabilities."""
