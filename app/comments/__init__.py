"""Comments on items, and which of them are unread."""
