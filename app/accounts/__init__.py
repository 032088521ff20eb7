"""Who is asking: accounts and their sessions."""
