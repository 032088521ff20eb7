"""A stand-in for S3 on plain files: bytes in `files/`, all metadata in one SQLite catalogue."""
