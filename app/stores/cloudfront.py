"""CloudFront signed URLs: a custom policy, signed with ECDSA P-256 and SHA-256, identical in every process."""

import re
from binascii import b2a_base64
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from urllib.parse import quote

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_private_key

_NEEDS_NO_ESCAPE = re.compile(r"[A-Za-z0-9/._~-]*").fullmatch
_CLOUDFRONTS_ALPHABET = bytes.maketrans(b"+=/", b"-_~")
# RFC 6979: otherwise each process would create another URL for the same file, and no cache in between would hit.
_ALGORITHM = ec.ECDSA(SHA256(), deterministic_signing=True)


@dataclass(frozen=True, slots=True)
class SignedFolder:
    """One signature for all files below a folder; `expires_at` is when the URLs stop working."""

    address: str
    query: str
    expires_at: datetime

    def url(self, file: str) -> str:
        """Return the signed URL of `file`, a key relative to the folder."""
        return f"{self.address}{_escaped_file(file)}?{self.query}"


class UrlSigner:
    """Signs URLs below `base_url` under `key_id`. Raises ValueError unless the key is ECDSA P-256 in PEM."""

    def __init__(self, base_url: str, key_id: str, private_key_pem: str) -> None:
        key = load_pem_private_key(private_key_pem.encode(), password=None)
        if not isinstance(key, ec.EllipticCurvePrivateKey) or not isinstance(key.curve, ec.SECP256R1):
            raise ValueError("CloudFront URLs are signed with an ECDSA P-256 key; this key is another kind")
        self._sign = key.sign
        self._base_url = base_url.rstrip("/")
        self._tail = f"&Key-Pair-Id={key_id}&Hash-Algorithm=SHA256"

    def sign_folder(self, prefix: str, *, expires_at: datetime) -> SignedFolder:
        """Sign every key below `prefix` (without a trailing slash); the expiry is cut to the full second."""
        [signed] = self.sign_folders([prefix], expires_at=expires_at)
        return signed

    def sign_folders(self, prefixes: Iterable[str], *, expires_at: datetime) -> list[SignedFolder]:
        """Like `sign_folder` for each prefix, in passes: a signature empties the CPU's caches, and code that alternates
        with signatures takes twice as long."""
        addresses = [f"{self._base_url}/{_escaped(prefix)}/" for prefix in prefixes]
        policies = [_policy(f"{address}*", expires_at) for address in addresses]
        signatures = [self._sign(policy, _ALGORITHM) for policy in policies]
        return [
            SignedFolder(address, self._query(policy, signature), expires_at)
            for address, policy, signature in zip(addresses, policies, signatures, strict=True)
        ]

    def sign_object(self, key: str, *, expires_at: datetime) -> str:
        """Return the signed URL of exactly this key."""
        url = f"{self._base_url}/{_escaped(key)}"
        policy = _policy(url, expires_at)
        return f"{url}?{self._query(policy, self._sign(policy, _ALGORITHM))}"

    def _query(self, policy: bytes, signature: bytes) -> str:
        return f"Policy={_encoded(policy)}&Signature={_encoded(signature)}{self._tail}"


def _policy(resource: str, expires_at: datetime) -> bytes:
    return f'{{"Statement":[{{"Resource":"{resource}",{_condition(expires_at)}}}]}}'.encode()


# Formatted by hand: json.dumps would cost as much as a fifth of the signature. Neither a URL nor a number needs JSON's
# escapes, and CloudFront allows no white space.
@lru_cache(maxsize=8)  # all items of a window expire together
def _condition(expires_at: datetime) -> str:
    return f'"Condition":{{"DateLessThan":{{"AWS:EpochTime":{int(expires_at.timestamp())}}}}}'


def _escaped(key: str) -> str:
    return key if _NEEDS_NO_ESCAPE(key) else quote(key)  # also escapes `*` and `?`, which a policy reads as wildcards


_escaped_file = lru_cache(maxsize=1024)(_escaped)  # every item of a page has the same few files


def _encoded(data: bytes) -> str:
    """Return base64 in CloudFront's own alphabet, which differs from the usual URL-safe one."""
    return b2a_base64(data, newline=False).translate(_CLOUDFRONTS_ALPHABET).decode()
