"""SQL statements for share links."""
