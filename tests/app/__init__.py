"""The parts of the app that surround every request, its settings, its logs and its migrations."""
