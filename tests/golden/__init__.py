"""Golden files: what the program stores or sends, recorded in `files/`."""
