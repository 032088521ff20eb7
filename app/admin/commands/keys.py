"""`darkroom admin rotate-key` and `retire-key`: rotate the key that signs delivery URLs."""

import argparse
import sys
from pathlib import Path

from app.admin.service.delivery_keys import KeyRotation
from app.settings import Settings
from darkroom_process.settings import variable_of
from darkroom_shared.times import to_rfc3339, utc_now

STORED_ELSEWHERE = (
    "The keys of this CDN are not kept on this machine ({variable} is not set). Add the new public key to CloudFront's "
    "key group, start the app with the new private key, and take the old public key out 15 hours later."
)


def rotate_key(settings: Settings) -> int:
    """Create a key, which signs from now on. The previous keys still verify. Returns the exit code."""
    identity = _rotation(settings).rotate()
    sys.stdout.write(
        f"{identity} signs from now on; running app processes take it within seconds.\n"
        "URLs given out stay valid. When they have ended, run `darkroom admin retire-key`.\n"
    )
    return 0


def retire_key(settings: Settings, arguments: argparse.Namespace) -> int:
    """Delete the previous keys as soon as none of their URLs is valid. Returns the exit code: 1 if one is still
    needed."""
    retirement = _rotation(settings).retire(immediately=arguments.at_once)
    for identity in retirement.retired:
        sys.stdout.write(f"{identity} is retired.\n")
    if retirement.retirable_at is not None:
        sys.stdout.write(
            f"An old key is still needed: its last URL may live until {to_rfc3339(retirement.retirable_at)}.\n"
        )
    elif not retirement.retired:
        sys.stdout.write("There is no old key.\n")
    return 0 if retirement.retirable_at is None else 1


def _rotation(settings: Settings) -> KeyRotation:
    return KeyRotation(_stored_here(settings, "cdn_keys_file"), _stored_here(settings, "edge_keys_folder"), utc_now)


def _stored_here(settings: Settings, field: str) -> Path:
    path: Path | None = getattr(settings, field)
    if path is None:
        raise SystemExit(STORED_ELSEWHERE.format(variable=variable_of(Settings, field)))
    return path
