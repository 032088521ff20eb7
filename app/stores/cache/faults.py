"""What can go wrong with Redis. None of it ever reaches a caller of the cache."""


class Lost(Exception):
    """The connection is closed: no answer in time, or one that cannot count."""


class Nonsense(Lost):
    """What answered does not speak as Redis does."""


class Refusal(Exception):
    """An error that Redis answered; the connection may live on."""
