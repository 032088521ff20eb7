"""The secrets of this installation, created at its first start in one file: all of them or none."""

import secrets
import string
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from pydantic import BaseModel, ConfigDict, ValidationError

from darkroom_shared.delivery_keys import DeliveryKey, DeliveryKeys
from darkroom_shared.times import utc_now
from local.data_folder import DataFolder, write_atomically
from local.startup_error import StartupError

ALPHABET = string.ascii_uppercase + string.digits


class Keys(BaseModel):
    """Passed to child processes through their environment, so it holds plain text; it is never printed.

    Of the keys that sign URLs it stores the first; after `darkroom admin rotate-key` the loaded one is the newest.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    secret: str
    access_key_id: str
    secret_access_key: str
    cdn_key_id: str
    cdn_private_key: str


def ensure_keys(folder: DataFolder) -> Keys:
    """Load the secrets, created at the first start, with the current signing key; publish every valid key to the
    edge's folder.
    """
    if not folder.keys.exists():
        write_atomically(folder.keys, _make_keys().model_dump_json(indent=2))
    try:
        keys = Keys.model_validate_json(folder.keys.read_bytes())
    except ValidationError as error:
        raise StartupError(f"{folder.keys} is damaged: restore it; without it, URLs given out become void.") from error
    counting = _keep_delivery_keys(folder, keys)
    for key in counting.keys:
        _publish(key, folder.edge_keys / f"{key.id}.pem")
    signing = counting.signing
    return keys.model_copy(update={"cdn_key_id": signing.id, "cdn_private_key": signing.private_key})


def _keep_delivery_keys(folder: DataFolder, keys: Keys) -> DeliveryKeys:
    """Load the delivery keys. The file is created with the first key; from then on `darkroom admin` owns it."""
    if not folder.cdn_keys.exists():
        first = DeliveryKey(id=keys.cdn_key_id, private_key=keys.cdn_private_key, since=utc_now())
        write_atomically(folder.cdn_keys, DeliveryKeys(keys=(first,)).model_dump_json(indent=2))
    try:
        return DeliveryKeys.model_validate_json(folder.cdn_keys.read_bytes())
    except ValidationError as error:
        raise StartupError(
            f"{folder.cdn_keys} is damaged: restore it; without it, URLs given out become void."
        ) from error


def _make_keys() -> Keys:
    private_key = ec.generate_private_key(ec.SECP256R1())
    pem = private_key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return Keys(
        secret=secrets.token_urlsafe(48),
        access_key_id="AKIA" + "".join(secrets.choice(ALPHABET) for _ in range(16)),  # the format of AWS's
        secret_access_key=secrets.token_urlsafe(30),
        cdn_key_id="K" + "".join(secrets.choice(ALPHABET) for _ in range(13)),  # the format of CloudFront's
        cdn_private_key=pem.decode(),
    )


def _publish(key: DeliveryKey, path: Path) -> None:
    if path.exists():
        return
    private_key = serialization.load_pem_private_key(key.private_key.encode(), password=None)
    public = private_key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    write_atomically(path, public.decode())
