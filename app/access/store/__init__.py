"""SQL statements for the tables that decide access: albums, members and placements."""
