"""The emulator process."""
