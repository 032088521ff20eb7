"""The emulator as a process of ours."""
