"""The client and the `darkroom` command, against a scripted service and through real processes."""
