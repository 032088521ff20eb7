"""SQL statements for accounts, sessions and closed accounts."""
