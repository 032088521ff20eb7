"""What is stored or sent, written down: see `files/`."""
