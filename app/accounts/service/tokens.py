"""Tokens: 256 random bits for the client, their SHA-256 for the database, and a prefix per kind."""

import hashlib
import secrets

PREFIX = "drs_"
TOKEN_BYTES = 32


def new_token(prefix: str = PREFIX) -> str:
    """Return a random token. Only its hash is stored."""
    return prefix + secrets.token_urlsafe(TOKEN_BYTES)


def hash_of(token: str) -> str:
    """Return the hash that the database stores. 256 random bits need neither salt nor stretching."""
    # A token in a JSON body may contain a lone surrogate, which is a wrong token and no error.
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()
