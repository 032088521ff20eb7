"""Parse `text/event-stream` (https://html.spec.whatwg.org/multipage/server-sent-events.html) from chunks of bytes."""

from collections.abc import Iterator
from dataclasses import dataclass, field

MAX_MESSAGE_BYTES = 4 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Message:
    type: str
    data: str
    id: str | None
    """None if the message has no id of its own."""


@dataclass(slots=True)
class MessageParser:
    """Accepts chunks cut anywhere; lines end in LF, CR LF or CR. Raises ValueError if a message exceeds the size
    limit.

    httpx's `aiter_lines` is not used, because it also splits at U+2028 and similar characters, which JSON may
    contain.
    """

    _rest: bytes = b""
    _type: str = ""
    _id: str | None = None
    _data: list[str] = field(default_factory=list)

    def feed(self, chunk: bytes) -> Iterator[Message]:
        lines = (self._rest + chunk).replace(b"\r\n", b"\n")
        held = b""
        if lines.endswith(b"\r"):  # possibly the first half of CR LF
            lines, held = lines[:-1], b"\r"
        *complete, rest = lines.replace(b"\r", b"\n").split(b"\n")
        self._rest = rest + held
        if len(self._rest) + sum(map(len, self._data)) > MAX_MESSAGE_BYTES:
            raise ValueError("a message without an end")
        for line in complete:
            message = self._take(line.decode("utf-8", "replace"))
            if message is not None:
                yield message

    def _take(self, line: str) -> Message | None:
        if not line:
            return self._finished()
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        match name:
            case "event":
                self._type = value
            case "data":
                self._data.append(value)
            case "id" if "\0" not in value:
                self._id = value
            case _:
                pass  # a comment, `retry`, or a field of a later version
        return None

    def _finished(self) -> Message | None:
        message = Message(self._type or "message", "\n".join(self._data), self._id) if self._data else None
        self._type, self._id, self._data = "", None, []
        return message
