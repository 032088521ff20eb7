"""The `aws-chunked` encoding: the payload in chunks, signed or not, with checksums in a trailer.

https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming.html
"""

import hashlib
import hmac
from collections.abc import Iterator
from enum import Enum, auto

from local.objects.errors import S3Error
from local.objects.signatures import Identity
from local.signatures import sign

SIGNED = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"
SIGNED_WITH_TRAILER = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER"
UNSIGNED_WITH_TRAILER = "STREAMING-UNSIGNED-PAYLOAD-TRAILER"
ENCODINGS = (SIGNED, SIGNED_WITH_TRAILER, UNSIGNED_WITH_TRAILER)
_MAX_LINE_BYTES = 4_096
_MAX_TRAILERS = 16
_EMPTY_SHA256 = hashlib.sha256().hexdigest()


class _Signatures:
    """The chain of signatures: each covers its chunk and the previous signature."""

    def __init__(self, identity: Identity) -> None:
        self._identity, self._previous = identity, identity.signature

    def verify_chunk(self, sha256: str, signature: str) -> None:
        self._verify("AWS4-HMAC-SHA256-PAYLOAD", f"{_EMPTY_SHA256}\n{sha256}", signature)

    def verify_trailer(self, sha256: str, signature: str) -> None:
        self._verify("AWS4-HMAC-SHA256-TRAILER", sha256, signature)

    def _verify(self, kind: str, digests: str, signature: str) -> None:
        identity = self._identity
        text = f"{kind}\n{identity.date}\n{identity.scope}\n{self._previous}\n{digests}"
        expected = sign(identity.signing_key, text)
        if not hmac.compare_digest(expected.encode(), signature.encode()):
            raise S3Error("SignatureDoesNotMatch")
        self._previous = expected


class _State(Enum):
    HEADER = auto()
    DATA = auto()
    DATA_END = auto()
    TRAILER = auto()
    DONE = auto()


class ChunkedDecoder:
    """Decodes encoded bytes in pieces of any size and yields the payload; buffers at most one line."""

    def __init__(self, identity: Identity) -> None:
        self._signatures = None if identity.payload == UNSIGNED_WITH_TRAILER else _Signatures(identity)
        self._trailer_signed = identity.payload == SIGNED_WITH_TRAILER
        self._state = _State.HEADER
        self._line = bytearray()
        self._left = 0
        self._chunk_hash = hashlib.sha256()
        self._chunk_signature = ""
        self.trailers: dict[str, str] = {}

    def decode(self, data: bytes) -> Iterator[memoryview]:
        rest = memoryview(data)
        while rest:
            if self._state is _State.DATA:
                piece, rest = rest[: self._left], rest[self._left :]
                self._left -= len(piece)
                if self._signatures:
                    self._chunk_hash.update(piece)
                if not self._left:
                    self._state = _State.DATA_END
                yield piece
            else:
                rest = self._read_line(rest)

    def finish(self) -> None:
        """Raises IncompleteBody unless the last chunk and the end of the trailer have been received."""
        if self._state is not _State.DONE:
            raise S3Error("IncompleteBody")

    def _read_line(self, rest: memoryview) -> memoryview:
        if self._state is _State.DONE:
            raise S3Error("InvalidRequest", "Bytes follow the last chunk.")
        window = bytes(rest[:_MAX_LINE_BYTES])
        end = window.find(b"\n")
        taken = len(window) if end < 0 else end + 1
        self._line += window[:taken]
        if len(self._line) > _MAX_LINE_BYTES:
            raise S3Error("InvalidRequest", "A line of the chunked encoding is too long.")
        if end >= 0:
            line = bytes(self._line).removesuffix(b"\n").removesuffix(b"\r")
            self._line.clear()
            self._take_line(line.decode("latin-1"))
        return rest[taken:]

    def _take_line(self, line: str) -> None:
        if self._state is _State.HEADER:
            self._begin_chunk(line)
        elif self._state is _State.DATA_END:
            if line:
                raise S3Error("InvalidRequest", "A chunk is longer than its declared size.")
            self._verify_chunk()
            self._state = _State.HEADER
        elif line:
            name, _, value = line.partition(":")
            self.trailers[name.strip().lower()] = value.strip()
            if len(self.trailers) > _MAX_TRAILERS:
                raise S3Error("InvalidRequest", "There are too many trailers.")
        else:
            self._verify_trailer()
            self._state = _State.DONE

    def _begin_chunk(self, line: str) -> None:
        size, _, extension = line.partition(";")
        try:
            self._left = int(size, 16)
        except ValueError as error:
            raise S3Error("InvalidRequest", "A chunk does not begin with its size.") from error
        self._chunk_signature = extension.strip().removeprefix("chunk-signature=")
        self._chunk_hash = hashlib.sha256()
        if self._left:
            self._state = _State.DATA
        else:
            self._verify_chunk()
            self._state = _State.TRAILER

    def _verify_chunk(self) -> None:
        if self._signatures:
            self._signatures.verify_chunk(self._chunk_hash.hexdigest(), self._chunk_signature)

    def _verify_trailer(self) -> None:
        signature = self.trailers.pop("x-amz-trailer-signature", "")
        if self._signatures and self._trailer_signed:
            lines = "".join(f"{name}:{value}\n" for name, value in self.trailers.items())
            self._signatures.verify_trailer(hashlib.sha256(lines.encode()).hexdigest(), signature)
