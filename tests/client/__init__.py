"""The Python client and the `darkroom` command, run against a scripted service by real processes."""
