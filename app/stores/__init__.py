"""Clients of the external systems, one file each; they know no capability."""
