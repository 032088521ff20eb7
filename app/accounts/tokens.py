"""Tokens: 256 random bits for the client, their SHA-256 for the database. Each kind has its prefix."""

import hashlib
import secrets

PREFIX = "drs_"
TOKEN_BYTES = 32


def new_token(prefix: str = PREFIX) -> str:
    return prefix + secrets.token_urlsafe(TOKEN_BYTES)


def hash_of(token: str) -> str:
    """What the database knows of a token. No salt, no stretching: nobody guesses 256 bits."""
    return hashlib.sha256(token.encode()).hexdigest()
