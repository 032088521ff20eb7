"""Albums, who is in them, links to them, and what is said about their items."""
