"""Comments and unread marks."""
