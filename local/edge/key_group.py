"""The public keys whose signatures count: several at once, so that keys can be rotated."""

from collections.abc import Mapping
from pathlib import Path
from typing import Self

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.hashes import SHA1, SHA256, HashAlgorithm
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from local.edge.refusals import ACCESS_DENIED, UNKNOWN_KEY, Refused

_HASHES: Mapping[str, HashAlgorithm] = {
    "SHA1": SHA1(),  # noqa: S303  what CloudFront checks unless told otherwise, and what `aws cloudfront sign` makes
    "SHA256": SHA256(),
}
_RSA_BITS = 2048  # the only size that CloudFront takes


class KeyGroup:
    """Keys by their id."""

    def __init__(self, keys: Mapping[str, rsa.RSAPublicKey | ec.EllipticCurvePublicKey]) -> None:
        self._keys = keys

    @classmethod
    def read(cls, folder: Path) -> Self:
        """Each `{key_id}.pem` of the folder. Raises ValueError for none, or for one that CloudFront would not take."""
        keys = {file.stem: _read_key(file) for file in sorted(folder.glob("*.pem"))}
        if not keys:
            raise ValueError(f"no public key in {folder}: expected files named KEY_ID.pem")
        return cls(keys)

    def require_signed(self, message: bytes, signature: bytes, *, key_id: str, hash_name: str) -> None:
        """Raises Refused unless `signature` is the key's own over these very bytes."""
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


def _read_key(file: Path) -> rsa.RSAPublicKey | ec.EllipticCurvePublicKey:
    try:
        key = load_pem_public_key(file.read_bytes())
    except (ValueError, UnsupportedAlgorithm) as error:
        raise ValueError(f"{file.name} is no public key in PEM") from error
    if isinstance(key, rsa.RSAPublicKey) and key.key_size == _RSA_BITS:
        return key
    if isinstance(key, ec.EllipticCurvePublicKey) and isinstance(key.curve, ec.SECP256R1):
        return key
    raise ValueError(f"{file.name} is no RSA-2048 and no ECDSA P-256 key")
