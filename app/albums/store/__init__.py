"""SQL statements for invitations and transfer offers."""
