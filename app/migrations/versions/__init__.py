"""One file per migration; after each one the previous release still works."""
