"""Rotation of the key that signs delivery URLs; URLs that an old key signed stay valid until they expire."""

import secrets
import string
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path

from app.items.service.delivery import MAX_URL_LIFETIME
from app.items.service.key_watch import POLL_SECONDS
from app.stores.key_file import make_private_key, read_keys, write_keys
from darkroom_shared.delivery_keys import DeliveryKey, DeliveryKeys
from darkroom_shared.times import Clock

RETIRED_AFTER = MAX_URL_LIFETIME + timedelta(seconds=2 * POLL_SECONDS)
"""No URL of an old key is valid for longer after a rotation. App processes poll for the new key, hence two polls."""
_ALPHABET = string.ascii_uppercase + string.digits


@dataclass(frozen=True, slots=True)
class Retirement:
    """`retirable_at` is when the first of the remaining old keys can be retired; None if there is none."""

    retired: tuple[str, ...]
    retirable_at: datetime | None


class KeyRotation:
    """`file` has the app's private keys, `public_folder` the public keys that the local edge reads."""

    def __init__(self, file: Path, public_folder: Path, clock: Clock) -> None:
        self._file, self._public_folder, self._clock = file, public_folder, clock

    def rotate(self) -> str:
        """Return the id of the new key. The edge accepts it at once; running app processes use it within seconds."""
        known = read_keys(self._file).keys
        identity = "K" + "".join(secrets.choice(_ALPHABET) for _ in range(13))  # the format of CloudFront's ids
        key = DeliveryKey(id=identity, private_key=make_private_key(self._public(identity)), since=self._clock())
        write_keys(self._file, DeliveryKeys(keys=(key, *known)))
        return identity

    def retire(self, *, immediately: bool) -> Retirement:
        """Remove every old key whose URLs have all expired, or, with `immediately`, all but the newest. Idempotent."""
        keys, now = read_keys(self._file).keys, self._clock()
        ends = {old.id: newer.since + RETIRED_AFTER for newer, old in pairwise(keys)}
        retired = tuple(identity for identity, end in ends.items() if immediately or end <= now)
        for identity in retired:
            self._public(identity).unlink(missing_ok=True)
        if retired:
            write_keys(self._file, DeliveryKeys(keys=tuple(key for key in keys if key.id not in retired)))
        remaining_ends = [end for identity, end in ends.items() if identity not in retired]
        return Retirement(retired, min(remaining_ends, default=None))

    def _public(self, identity: str) -> Path:
        return self._public_folder / f"{identity}.pem"
