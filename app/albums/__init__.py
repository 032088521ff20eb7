"""Albums, their members, their share links, and the comments on items."""
