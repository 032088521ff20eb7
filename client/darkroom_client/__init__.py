"""The async Python client and the `darkroom` command."""
