"""The Python client and the `darkroom` command."""
