"""One file per step; each step leaves tables that the previous release still understands."""
