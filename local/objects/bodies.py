"""Receive a body: decode it, hash it, and check it against everything the request declares."""

import base64
import binascii
import hashlib
from collections.abc import Iterable
from dataclasses import dataclass

from local.objects import chunked
from local.objects.checksums import Checksum, encoded, new_hasher, require_wellformed
from local.objects.errors import S3Error
from local.objects.requests import Request
from local.objects.signatures import UNSIGNED, Identity

_MAX_PUT_BYTES = 5 * 1024**3
"""S3's limit of one PUT and of one part."""
_MD5_BYTES = 16


@dataclass(frozen=True, slots=True)
class Payload:
    """The received and verified body. `checksum` is the one that the request named."""

    size: int
    etag: str
    checksum: Checksum | None


class PayloadCheck:
    """Feed the raw body in order, in any thread; `finish` returns the payload or raises its error.

    The entity tag is half a SHA-256: S3 does not promise MD5 there, and one SHA-256 serves signature, checksum and
    tag.
    """

    def __init__(self, request: Request, identity: Identity, checksum: Checksum | None) -> None:
        self._signed_payload = identity.payload
        self._decoder = chunked.ChunkedDecoder(identity) if identity.payload in chunked.ENCODINGS else None
        self.length = _declared_length(request, encoded=self._decoder is not None)
        self._md5 = _declared_md5(request)
        self._checksum = checksum
        self._received = 0
        self._sha256 = hashlib.sha256()
        self._md5_hasher = hashlib.md5(usedforsecurity=False) if self._md5 else None
        separate = checksum is not None and checksum.algorithm != "SHA256"
        self._checksum_hasher = new_hasher(checksum.algorithm) if checksum and separate else self._sha256

    def feed(self, data: bytes) -> Iterable[bytes | memoryview]:
        """Yield the payload in `data`. Raises as soon as it exceeds the declared length."""
        pieces: Iterable[bytes | memoryview] = self._decoder.decode(data) if self._decoder else (data,)
        for piece in pieces:
            self._received += len(piece)
            if self._received > self.length:
                raise S3Error("IncompleteBody", "The body is longer than it was declared to be.")
            self._sha256.update(piece)
            if self._md5_hasher:
                self._md5_hasher.update(piece)
            if self._checksum_hasher is not self._sha256:
                self._checksum_hasher.update(piece)
            yield piece

    def finish(self) -> Payload:
        if self._decoder:
            self._decoder.finish()
        if self._received != self.length:
            raise S3Error("IncompleteBody")
        digest = self._sha256.digest()
        if self._signed_payload not in (UNSIGNED, *chunked.ENCODINGS) and self._signed_payload != digest.hex():
            raise S3Error(
                "XAmzContentSHA256Mismatch",
                details={"ClientComputedContentSHA256": self._signed_payload, "S3ComputedContentSHA256": digest.hex()},
            )
        if self._md5_hasher and self._md5_hasher.digest() != self._md5:
            raise S3Error("BadDigest", "The Content-MD5 you specified did not match what we received.")
        return Payload(self._received, digest.hex()[:32], self._verified_checksum())

    def _verified_checksum(self) -> Checksum | None:
        if self._checksum is None:
            return None
        algorithm, announced = self._checksum.algorithm, self._checksum.value
        if announced is None and self._decoder:
            announced = self._decoder.trailers.get(self._checksum.header)
        if announced is None:
            raise S3Error("InvalidRequest", f"The trailer {self._checksum.header} is missing.")
        require_wellformed(algorithm, announced)
        computed = encoded(self._checksum_hasher.digest())
        if announced != computed:
            raise S3Error("BadDigest", f"The {algorithm} you specified did not match the calculated checksum.")
        return Checksum(algorithm, computed)


def require_size(check: PayloadCheck) -> None:
    """Raises EntityTooLarge before a byte has been read."""
    if check.length > _MAX_PUT_BYTES:
        details = {"MaxSizeAllowed": str(_MAX_PUT_BYTES), "ProposedSize": str(check.length)}
        raise S3Error("EntityTooLarge", details=details)


def _declared_length(request: Request, *, encoded: bool) -> int:
    name = "x-amz-decoded-content-length" if encoded else "content-length"
    value = request.headers.get(name)
    if value is None:
        raise S3Error("MissingContentLength")
    if not (value.isascii() and value.isdigit()):
        raise S3Error("InvalidArgument", f"{name} is not a number")
    return int(value)


def _declared_md5(request: Request) -> bytes | None:
    value = request.headers.get("content-md5")
    if value is None:
        return None
    try:
        digest = base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError) as error:
        raise S3Error("InvalidDigest") from error
    if len(digest) != _MD5_BYTES:
        raise S3Error("InvalidDigest")
    return digest


async def read_document(
    request: Request, identity: Identity, *, max_bytes: int, checksum: Checksum | None = None
) -> bytes:
    """Read a small body into memory, with all checks. Raises MalformedXML if it is larger than `max_bytes` bytes."""
    check = PayloadCheck(request, identity, checksum)
    if check.length > max_bytes:
        raise S3Error("MalformedXML")
    body = bytearray()
    async for data in request.body():
        for piece in check.feed(data):
            body += piece
    check.finish()
    return bytes(body)
