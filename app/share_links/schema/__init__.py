"""The table and the values of share links."""
