"""Access to other accounts' items."""
