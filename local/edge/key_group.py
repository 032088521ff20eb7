"""The trusted public keys: several at a time, so that keys can be rotated."""

import asyncio
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Self

import structlog
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.hashes import SHA1, SHA256, HashAlgorithm
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from local.edge.errors import ACCESS_DENIED, UNKNOWN_KEY, Refused

_HASHES: Mapping[str, HashAlgorithm] = {
    "SHA1": SHA1(),  # noqa: S303  CloudFront's default hash, and what `aws cloudfront sign` uses
    "SHA256": SHA256(),
}
_RSA_BITS = 2048  # the only size that CloudFront accepts
POLL_SECONDS = 2.0
"""A key removed from the folder stays valid for at most this long."""
RELOAD_SECONDS = 1.0
"""Minimum time between two reads of the folder, which requests with unknown key ids can trigger."""

PublicKey = rsa.RSAPublicKey | ec.EllipticCurvePublicKey

log = structlog.get_logger()


class KeyGroup:
    """Public keys by id. A group that was read from a folder is read again when its files may have changed."""

    def __init__(self, keys: Mapping[str, PublicKey], folder: Path | None = None) -> None:
        self._keys = keys
        self._folder = folder
        self._loaded_at = time.monotonic()
        self._loads = 0
        self._loading = asyncio.Lock()

    @classmethod
    def read(cls, folder: Path) -> Self:
        """Read each `{key_id}.pem` of the folder. Raises ValueError for none, or for one that CloudFront would not
        accept.
        """
        return cls(_read_keys(folder), folder)

    async def refresh(self, key_id: str) -> None:
        """Read the folder again if due; for an unknown key, as soon as another read is allowed.

        Concurrent callers share one read. An unreadable folder changes nothing.
        """
        if self._folder is None or (key_id in self._keys and time.monotonic() - self._loaded_at < POLL_SECONDS):
            return
        seen = self._loads
        async with self._loading:
            if self._loads > seen:
                return
            await asyncio.sleep(max(0, self._loaded_at + RELOAD_SECONDS - time.monotonic()))
            self._loaded_at = time.monotonic()
            try:
                self._keys = await asyncio.to_thread(_read_keys, self._folder)
            except (ValueError, OSError) as error:
                log.error("keys.unreadable", reason=str(error))
            self._loads += 1

    def require_signed(self, message: bytes, signature: bytes, *, key_id: str, hash_name: str) -> None:
        """Raise Refused unless `signature` is the key's signature of exactly these bytes."""
        key, algorithm = self._keys.get(key_id), _HASHES.get(hash_name)
        if key is None:
            raise Refused(UNKNOWN_KEY)
        if algorithm is None:
            raise Refused(ACCESS_DENIED)
        try:
            if isinstance(key, rsa.RSAPublicKey):
                key.verify(signature, message, padding.PKCS1v15(), algorithm)
            else:
                key.verify(signature, message, ec.ECDSA(algorithm))
        except InvalidSignature as error:
            raise Refused(ACCESS_DENIED) from error


def _read_keys(folder: Path) -> dict[str, PublicKey]:
    keys = {file.stem: _read_key(file) for file in sorted(folder.glob("*.pem"))}
    if not keys:
        raise ValueError(f"no public key in {folder}: expected files named KEY_ID.pem")
    return keys


def _read_key(file: Path) -> PublicKey:
    try:
        key = load_pem_public_key(file.read_bytes())
    except (ValueError, UnsupportedAlgorithm) as error:
        raise ValueError(f"{file.name} is not a public key in PEM") from error
    if isinstance(key, rsa.RSAPublicKey) and key.key_size == _RSA_BITS:
        return key
    if isinstance(key, ec.EllipticCurvePublicKey) and isinstance(key.curve, ec.SECP256R1):
        return key
    raise ValueError(f"{file.name} is no RSA-2048 and no ECDSA P-256 key")
