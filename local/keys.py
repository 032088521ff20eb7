"""The secrets of this installation, made at its first start and kept in one file: all of them or none."""

import secrets
import string
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from pydantic import BaseModel, ConfigDict, ValidationError

from local.data_folder import DataFolder, write_once
from local.refusal import Refusal

ALPHABET = string.ascii_uppercase + string.digits


class Keys(BaseModel):
    """Goes to child processes through their environment, so it holds plain text; it is never printed."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    secret: str
    access_key_id: str
    secret_access_key: str
    cdn_key_id: str
    cdn_private_key: str


def keep_keys(folder: DataFolder) -> Keys:
    """The same keys at every start; the edge's folder of public keys always holds ours."""
    if not folder.keys.exists():
        write_once(folder.keys, _make_keys().model_dump_json(indent=2))
    try:
        keys = Keys.model_validate_json(folder.keys.read_bytes())
    except ValidationError as error:
        raise Refusal(f"{folder.keys} is damaged: restore it; without it, URLs given out become void.") from error
    _publish(keys, folder.edge_keys / f"{keys.cdn_key_id}.pem")
    return keys


def _make_keys() -> Keys:
    private_key = ec.generate_private_key(ec.SECP256R1())
    pem = private_key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return Keys(
        secret=secrets.token_urlsafe(48),
        access_key_id="AKIA" + "".join(secrets.choice(ALPHABET) for _ in range(16)),  # the shape of AWS's
        secret_access_key=secrets.token_urlsafe(30),
        cdn_key_id="K" + "".join(secrets.choice(ALPHABET) for _ in range(13)),  # the shape of CloudFront's
        cdn_private_key=pem.decode(),
    )


def _publish(keys: Keys, path: Path) -> None:
    if path.exists():
        return
    private_key = serialization.load_pem_private_key(keys.cdn_private_key.encode(), password=None)
    public = private_key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    write_once(path, public.decode())
