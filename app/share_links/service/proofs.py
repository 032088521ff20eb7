"""Proofs that a visitor has entered a link's password; later requests send the proof instead of the password."""

import re
from datetime import UTC, datetime, timedelta

from app.share_links.schema.links import ShareLink
from darkroom_process.secret_file import Secret
from darkroom_shared.sharing import UnlockedShare
from darkroom_shared.times import Clock

PROOF_LIFETIME = timedelta(hours=12)
"""Long enough for an evening; on the next day the visitor must enter the password again."""
_FORMAT = re.compile(r"dru_(\d{1,12})\.([0-9a-f]{32})")


class Proofs:
    """Every process accepts the proofs of the others. A proof is invalid once the link's password changes."""

    def __init__(self, secret: Secret, clock: Clock) -> None:
        self._secret, self._clock = secret, clock

    def issue(self, link: ShareLink) -> UnlockedShare:
        """Return a proof that is valid from now on for PROOF_LIFETIME."""
        ends_at = self._clock().replace(microsecond=0) + PROOF_LIFETIME
        return UnlockedShare(proof=self.write(link, ends_at), expires_at=ends_at)

    def write(self, link: ShareLink, ends_at: datetime) -> str:
        """Return a signed proof that the visitor knew the password, valid until `ends_at` in whole seconds."""
        ends = str(int(ends_at.timestamp()))
        return f"dru_{ends}.{self._secret.sign(_message(link, ends)).hex()}"

    def is_valid(self, link: ShareLink, text: str) -> bool:
        """Return whether the proof is for this link and its current password, and has not expired."""
        match = _FORMAT.fullmatch(text)
        if match is None or not self._secret.verifies(bytes.fromhex(match[2]), _message(link, match[1])):
            return False
        return self._clock() < datetime.fromtimestamp(int(match[1]), UTC)


def _message(link: ShareLink, ends: str) -> bytes:
    return b"\0".join((b"share", link.id.encode(), (link.lock or "").encode(), ends.encode()))
