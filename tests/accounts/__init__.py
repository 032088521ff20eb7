"""Accounts and sessions over HTTP, on SQLite and MariaDB."""
