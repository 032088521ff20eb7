"""What frames every request of the app, its settings, logs and migrations."""
