"""Part sizes, the two digests, and the limits that both sides check."""

import hashlib
from collections.abc import Sequence
from typing import Annotated

from pydantic import StringConstraints

MEBIBYTE = 1024 * 1024
SINGLE_PUT_BYTES = 16 * MEBIBYTE
"""An item up to this size is sent in one PUT, a larger one in parts."""
LARGEST_ITEM_BYTES = 20 * 1024 * MEBIBYTE
MAX_PARTS = 1_000
MAX_PARTS_PER_REQUEST = 100
NAME_CHARACTERS = 255
CAPTION_CHARACTERS = 2_000

Digest = Annotated[str, StringConstraints(pattern=r"^(sha256:[0-9a-f]{64}|sha256-parts:[0-9a-f]{64}-[1-9][0-9]{0,3})$")]
PartDigest = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]


def part_size_bytes(size_bytes: int) -> int:
    """Return the only part size for an item of this size: 16 MiB, doubled until at most 1,000 parts are needed."""
    part = SINGLE_PUT_BYTES
    while size_bytes > part * MAX_PARTS:
        part *= 2
    return part


def part_count(size_bytes: int) -> int:
    return -(-size_bytes // part_size_bytes(size_bytes))


def part_bytes(size_bytes: int, number: int) -> int:
    """Return the length of part `number` (from 1) of an item of this size; the last part may be shorter."""
    part = part_size_bytes(size_bytes)
    return min(part, size_bytes - part * (number - 1))


def whole_digest(sha256_hex: str) -> str:
    """Return the digest of an item sent in one PUT."""
    return f"sha256:{sha256_hex}"


def parts_digest(part_sha256s_hex: Sequence[str]) -> str:
    """Return the digest of an item sent in parts: SHA-256 over the parts' SHA-256s, S3's composite checksum."""
    joined = b"".join(bytes.fromhex(part) for part in part_sha256s_hex)
    return f"sha256-parts:{hashlib.sha256(joined).hexdigest()}-{len(part_sha256s_hex)}"
