"""Access to other accounts' items through albums and share links."""
