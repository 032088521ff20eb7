"""S3 on plain files: bytes in `files/`, everything that is known about them in one SQLite catalogue."""
