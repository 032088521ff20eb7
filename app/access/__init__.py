"""Access to other accounts' items; owns the tables that decide it: albums, members, placements."""
