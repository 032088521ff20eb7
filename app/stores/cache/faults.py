"""Errors of Redis, none of which reaches a caller of the cache."""


class ConnectionLost(Exception):
    """The connection is closed: no reply in time, or one that must not count."""


class ProtocolError(ConnectionLost):
    """The server does not speak Redis's protocol."""


class ErrorReply(Exception):
    """Redis replied with an error; the connection may stay open."""
