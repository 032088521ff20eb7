"""The checksums of S3: streaming hashers, and the composite checksum of a multipart upload."""

import base64
import binascii
import hashlib
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Protocol

from local.objects.errors import S3Error

HEADER_PREFIX = "x-amz-checksum-"
_BYTE_BITS = 8


class Hasher(Protocol):
    def update(self, data: bytes | memoryview, /) -> None: ...
    def digest(self) -> bytes: ...


class _Crc32:
    def __init__(self) -> None:
        self._crc = 0

    def update(self, data: bytes | memoryview, /) -> None:
        self._crc = zlib.crc32(data, self._crc)

    def digest(self) -> bytes:
        return self._crc.to_bytes(4, "big")


@cache
def _table(polynomial: int) -> tuple[int, ...]:
    table = []
    for byte in range(256):
        remainder = byte
        for _ in range(_BYTE_BITS):
            remainder = remainder >> 1 ^ (polynomial if remainder & 1 else 0)
        table.append(remainder)
    return tuple(table)


class _TableCrc:
    """Any reflected CRC, byte by byte: about 10 MB/s, which only other clients use. No dependency of ours has these
    two.
    """

    def __init__(self, bits: int, polynomial: int) -> None:
        self._bits, self._table = bits, _table(polynomial)
        self._crc = self._all_ones = (1 << bits) - 1

    def update(self, data: bytes | memoryview, /) -> None:
        crc, table = self._crc, self._table
        for byte in data:
            crc = table[(crc ^ byte) & 0xFF] ^ crc >> _BYTE_BITS
        self._crc = crc

    def digest(self) -> bytes:
        return (self._crc ^ self._all_ones).to_bytes(self._bits // _BYTE_BITS, "big")


_HASHERS: Mapping[str, Callable[[], Hasher]] = {
    "CRC32": _Crc32,
    "CRC32C": lambda: _TableCrc(32, 0x82F63B78),
    "CRC64NVME": lambda: _TableCrc(64, 0x9A6C9329AC4BC9B5),
    "SHA1": lambda: hashlib.sha1(usedforsecurity=False),
    "SHA256": hashlib.sha256,
}


@dataclass(frozen=True, slots=True)
class Checksum:
    """A checksum that a request declares. `value` is base64, or None while it is still to come in a trailer."""

    algorithm: str
    value: str | None

    @property
    def header(self) -> str:
        return HEADER_PREFIX + self.algorithm.lower()


def new_hasher(algorithm: str) -> Hasher:
    return _HASHERS[algorithm]()


def require_algorithm(name: str) -> str:
    """Raises InvalidRequest if S3 has no such algorithm."""
    if name.upper() not in _HASHERS:
        raise S3Error("InvalidRequest", f"Checksum algorithm provided is unsupported: {name}")
    return name.upper()


def encoded(digest: bytes) -> str:
    return base64.b64encode(digest).decode()


def named_checksum(fields: Mapping[str, str]) -> Checksum | None:
    """Return the only checksum of a request's headers, with its value or announced by `x-amz-trailer`."""
    matches = [
        Checksum(name, fields[header]) for name in _HASHERS if (header := HEADER_PREFIX + name.lower()) in fields
    ]
    trailer = fields.get("x-amz-trailer", "").strip().lower()
    if trailer.startswith(HEADER_PREFIX):
        matches.append(Checksum(require_algorithm(trailer.removeprefix(HEADER_PREFIX)), None))
    if len(matches) > 1:
        raise S3Error("InvalidRequest", "Expecting a single x-amz-checksum- header. Multiple checksum types are given.")
    for checksum in matches:
        if checksum.value is not None:
            require_wellformed(checksum.algorithm, checksum.value)
    return matches[0] if matches else None


def require_wellformed(algorithm: str, value: str) -> None:
    """Raises InvalidRequest unless `value` is base64 of the algorithm's length."""
    try:
        digest = base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError) as error:
        raise _invalid(algorithm) from error
    if len(digest) != len(new_hasher(algorithm).digest()):
        raise _invalid(algorithm)


def _invalid(algorithm: str) -> S3Error:
    return S3Error("InvalidRequest", f"Value for {HEADER_PREFIX}{algorithm.lower()} header is invalid.")


def composite(algorithm: str, values: Sequence[str]) -> str:
    """Return the checksum of the parts' checksums in S3's format: `<base64>-<number of parts>`."""
    hasher = new_hasher(algorithm)
    for value in values:
        hasher.update(base64.b64decode(value))
    return f"{encoded(hasher.digest())}-{len(values)}"
