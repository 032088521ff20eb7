"""Opaque list cursors: a position in a list, signed for one reader and one order."""

import base64
import binascii
import json
from dataclasses import dataclass

from darkroom_process.secret_file import SIGNATURE_BYTES, Secret
from darkroom_shared.problems import Invalid


@dataclass(frozen=True, slots=True)
class Position:
    """A position in a list: the sort key of the last entry returned; `captured_key` for lists by capture time."""

    item_id: str
    captured_key: str | None = None


class Cursors:
    """`reader` is an account id or a share id."""

    def __init__(self, secret: Secret) -> None:
        self._secret = secret

    def write(self, reader: str, order: str, position: Position) -> str:
        payload = json.dumps([position.item_id, position.captured_key], separators=(",", ":")).encode()
        signature = self._secret.sign(_message(reader, order, payload))
        return _encode(signature + payload)

    def read(self, reader: str, order: str, text: str) -> Position:
        """Return the position. Raises Invalid for a cursor that was not issued for this reader and order."""
        try:
            raw = base64.urlsafe_b64decode(text.encode("ascii") + b"=" * (-len(text) % 4))
        except (binascii.Error, ValueError) as error:
            raise _invalid() from error
        if _encode(raw) != text:  # b64decode ignores characters outside its alphabet
            raise _invalid()
        signature, payload = raw[:SIGNATURE_BYTES], raw[SIGNATURE_BYTES:]
        if not self._secret.verifies(signature, _message(reader, order, payload)):
            raise _invalid()
        item_id, captured_key = json.loads(payload)
        return Position(item_id, captured_key)


def _encode(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def _message(reader: str, order: str, payload: bytes) -> bytes:
    return b"\0".join((b"cursor", reader.encode(), order.encode(), payload))


def _invalid() -> Invalid:
    return Invalid(errors=[{"field": "cursor", "message": "not a cursor of this list"}])
