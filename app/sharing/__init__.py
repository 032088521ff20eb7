"""Who may see which foreign item."""
