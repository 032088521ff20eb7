"""What can go wrong with Redis. None of it ever reaches a caller of the cache."""


class ConnectionLost(Exception):
    """The connection is closed: no answer in time, or one that cannot count."""


class ProtocolError(ConnectionLost):
    """What answered does not speak as Redis does."""


class ErrorReply(Exception):
    """An error that Redis answered; the connection may live on."""
