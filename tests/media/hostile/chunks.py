"""The chunks, segments and boxes of container formats, so that tests can assemble invalid files."""

import struct
import zlib
from functools import cache

PNG_MARK = b"\x89PNG\r\n\x1a\n"


def png_chunk(kind: bytes, content: bytes, *, checksum: int | None = None) -> bytes:
    right = zlib.crc32(kind + content)
    return struct.pack(">L", len(content)) + kind + content + struct.pack(">L", right if checksum is None else checksum)


def png_header(width: int, height: int, *, depth: int = 8, colour: int = 0, interlace: int = 0) -> bytes:
    return png_chunk(b"IHDR", struct.pack(">LLBBBBB", width, height, depth, colour, 0, 0, interlace))


def png(header: bytes, *chunks: bytes) -> bytes:
    return PNG_MARK + header + b"".join(chunks) + png_chunk(b"IEND", b"")


def grey_pixel() -> bytes:
    """Return the data chunk of a PNG of one pixel."""
    return png_chunk(b"IDAT", zlib.compress(b"\0\x80"))


@cache
def zeros(size: int) -> bytes:
    """Return `size` zero bytes, deflated, without holding them all in memory."""
    packer = zlib.compressobj(1)
    block = bytes(1 << 20)
    packed = [packer.compress(block) for _ in range(size >> 20)]
    return b"".join([*packed, packer.compress(bytes(size & 0xFFFFF)), packer.flush()])


def segment(marker: int, content: bytes) -> bytes:
    """Return a segment of a JPEG."""
    return struct.pack(">BBH", 0xFF, marker, len(content) + 2) + content


def after_start(jpeg: bytes, *segments: bytes) -> bytes:
    return jpeg[:2] + b"".join(segments) + jpeg[2:]


def riff(kind: bytes, *chunks: tuple[bytes, bytes]) -> bytes:
    body = kind + b"".join(
        name + struct.pack("<L", len(content)) + content + b"\0" * (len(content) % 2) for name, content in chunks
    )
    return b"RIFF" + struct.pack("<L", len(body)) + body


def box(name: bytes, *content: bytes) -> bytes:
    """Return a box of an ISO file."""
    body = b"".join(content)
    return struct.pack(">L", 8 + len(body)) + name + body


def full_box(name: bytes, *content: bytes, version: int = 0, flags: int = 0) -> bytes:
    return box(name, struct.pack(">L", version << 24 | flags), *content)


def nested(name: bytes, depth: int) -> bytes:
    """Return boxes that contain only each other. The sizes are computed from outside, because 10^5 are too many to
    nest.
    """
    return b"".join(struct.pack(">L", 8 * (depth - level)) + name for level in range(depth))


def element(identifier: bytes, content: bytes, *, claimed: int | None = None) -> bytes:
    """Return an element of an EBML file, with its size in eight bytes."""
    size = len(content) if claimed is None else claimed
    return identifier + struct.pack(">Q", 1 << 56 | size) + content
