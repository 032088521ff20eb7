"""Sign URLs with botocore's independent `CloudFrontSigner`, with keys of every kind that CloudFront accepts."""

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from botocore.signers import CloudFrontSigner
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.hashes import SHA1, SHA256

SOON = int(datetime(2099, 1, 1, tzinfo=UTC).timestamp())
LONG_AGO = int(datetime(2001, 1, 1, tzinfo=UTC).timestamp())

PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey


@dataclass(frozen=True, slots=True)
class Signer:
    """A key id with a key and a hash."""

    key_id: str
    private_key: PrivateKey
    hash_name: str

    def sign(self, message: bytes) -> bytes:
        algorithm = SHA256() if self.hash_name == "SHA256" else SHA1()  # noqa: S303  CloudFront's default
        if isinstance(self.private_key, rsa.RSAPrivateKey):
            return self.private_key.sign(message, padding.PKCS1v15(), algorithm)
        return self.private_key.sign(message, ec.ECDSA(algorithm, deterministic_signing=True))

    def custom(self, url: str, policy: str) -> str:
        return self._with_hash(CloudFrontSigner(self.key_id, self.sign).generate_presigned_url(url, policy=policy))

    def canned(self, url: str, expires: int = SOON) -> str:
        moment = datetime.fromtimestamp(expires, UTC)
        return self._with_hash(
            CloudFrontSigner(self.key_id, self.sign).generate_presigned_url(url, date_less_than=moment)
        )

    def policy(self, resource: str, *, before: int = SOON, after: int | None = None, viewer: str | None = None) -> str:
        built: str = CloudFrontSigner(self.key_id, self.sign).build_policy(
            resource,
            datetime.fromtimestamp(before, UTC),
            date_greater_than=None if after is None else datetime.fromtimestamp(after, UTC),
            ip_address=viewer,
        )
        return built

    def open(self, url: str, resource: str | None = None) -> str:
        """Return the URL, signed with a policy for `resource` or for the URL itself."""
        return self.custom(url, self.policy(resource or url))

    def _with_hash(self, url: str) -> str:
        return f"{url}&Hash-Algorithm=SHA256" if self.hash_name == "SHA256" else url

    def publish(self, folder: Path) -> None:
        public = self.private_key.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        (folder / f"{self.key_id}.pem").write_bytes(public)

    def private_pem(self) -> str:
        return self.private_key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
        ).decode()


def _elliptic() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


ELLIPTIC, RSA = _elliptic(), rsa.generate_private_key(65537, 2048)
OURS = Signer("KELLIPTIC", ELLIPTIC, "SHA256")
SIGNERS = {
    "ecdsa-sha256": OURS,
    "ecdsa-sha1": Signer("KELLIPTIC", ELLIPTIC, "SHA1"),
    "rsa-sha1": Signer("KRSA", RSA, "SHA1"),
    "rsa-sha256": Signer("KRSA", RSA, "SHA256"),
    "rotated": Signer("KNEXT", _elliptic(), "SHA256"),
}
UNKNOWN_SIGNER = Signer("KSTRANGER", _elliptic(), "SHA256")
"""The edge does not have its public key."""
