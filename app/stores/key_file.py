"""The file of private keys that sign delivery URLs, and the folder of public keys that the local CDN reads."""

import os
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from pydantic import ValidationError

from darkroom_shared.delivery_keys import DeliveryKeys


def read_keys(file: Path) -> DeliveryKeys:
    """Return the keys. Raises OSError, or ValueError, which names the file and none of its content."""
    try:
        return DeliveryKeys.model_validate_json(file.read_bytes())
    except ValidationError as error:
        raise ValueError(f"{file} does not hold the keys of the CDN") from error


def write_keys(file: Path, keys: DeliveryKeys) -> None:
    """Replace the file atomically; its mode allows only the owner to read it."""
    _replace(file, keys.model_dump_json(indent=2))


def make_private_key(public_file: Path) -> str:
    """Return a new private key in PEM; its public half is written to `public_file` first, for the verifiers."""
    key = ec.generate_private_key(ec.SECP256R1())
    _replace(public_file, key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode())
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def _replace(path: Path, text: str) -> None:
    """Replace the file atomically, also in a crash; only its owner can read it."""
    temporary = path.with_name(f"{path.name}.new")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as opened:
        opened.write(text)
        opened.flush()
        os.fsync(descriptor)
    temporary.replace(path)
