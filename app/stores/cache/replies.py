"""Redis's wire format (RESP 2): encoding of commands, parsing of replies."""

from app.stores.cache.faults import ErrorReply, ProtocolError

Reply = bytes | int | None | ErrorReply | list["Reply"]

_MAX_DEPTH = 4
_BULK, _ARRAY, _NUMBER, _STATUS, _ERROR = b"$*:+-"


def encode(*words: bytes) -> bytes:
    """Encode one command."""
    return b"*%d\r\n" % len(words) + b"".join([b"$%d\r\n%b\r\n" % (len(word), word) for word in words])


class _Incomplete(Exception):
    """The rest has not arrived yet; `needed` is the minimum size of the buffer for another try."""

    def __init__(self, needed: int) -> None:
        self.needed = needed


class ReplyParser:
    """Splits the received bytes into replies."""

    def __init__(self) -> None:
        self._buffer = b""
        self._needed = 0

    def feed(self, arrived: bytes) -> list[Reply]:
        """Return the replies that are complete now. Raises ProtocolError if the bytes are not RESP."""
        self._buffer = self._buffer + arrived if self._buffer else arrived
        if len(self._buffer) < self._needed:
            return []
        complete: list[Reply] = []
        at = 0
        try:
            while at < len(self._buffer):
                reply, at = _parse(self._buffer, at, 0)
                complete.append(reply)
            self._needed = 0
        except _Incomplete as rest:
            self._needed = rest.needed - at
        except ValueError as error:
            raise ProtocolError(repr(self._buffer[at : at + 40])) from error
        self._buffer = self._buffer[at:]
        return complete


def _parse(buffer: bytes, at: int, depth: int) -> tuple[Reply, int]:
    end = buffer.find(b"\r\n", at)
    if end < 0:
        raise _Incomplete(len(buffer) + 1)
    kind, line, after = buffer[at], buffer[at + 1 : end], end + 2
    if kind == _BULK:
        return _bulk(buffer, after, int(line))
    if kind == _ARRAY:
        return _array(buffer, after, int(line), depth)
    if kind == _NUMBER:
        return int(line), after
    if kind == _STATUS:
        return line, after
    if kind == _ERROR:
        return ErrorReply(line.decode("utf-8", "replace")), after
    raise ValueError("no type that Redis has")


def _bulk(buffer: bytes, at: int, size: int) -> tuple[bytes | None, int]:
    if size < 0:
        return None, at
    after = at + size + 2
    if after > len(buffer):
        raise _Incomplete(after)
    return buffer[at : at + size], after


def _array(buffer: bytes, at: int, count: int, depth: int) -> tuple[list[Reply] | None, int]:
    if depth == _MAX_DEPTH:
        raise ValueError("nested too deeply")
    if count < 0:
        return None, at
    items: list[Reply] = []
    for _ in range(count):
        item, at = _parse(buffer, at, depth + 1)
        items.append(item)
    return items, at
