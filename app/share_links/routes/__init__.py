"""HTTP routes of share links."""
