"""Secrets that authenticate messages, from the environment or from files that may change while a process runs."""

import hashlib
import hmac
import time
from pathlib import Path

import structlog
from pydantic import SecretStr

SECRET_CHARACTERS = 32
"""Minimum of each secret."""
SIGNATURE_BYTES = 16
CHECK_SECONDS = 1.0
"""How long a changed file may stay unnoticed."""

log: structlog.stdlib.BoundLogger = structlog.get_logger()


class Secret:
    """Authenticates messages. The first of `accepted` signs, each of them verifies."""

    def __init__(self, *accepted: bytes) -> None:
        self._accepted = accepted

    @property
    def signing(self) -> bytes:
        return self.accepted[0]

    @property
    def accepted(self) -> tuple[bytes, ...]:
        return self._accepted

    def sign(self, message: bytes) -> bytes:
        """Return SIGNATURE_BYTES."""
        return _signature(self.signing, message)

    def verifies(self, signature: bytes, message: bytes) -> bool:
        return any(hmac.compare_digest(signature, _signature(secret, message)) for secret in self.accepted)

    def matches(self, presented: bytes) -> bool:
        """Return whether it is one of the secrets itself."""
        return any(hmac.compare_digest(presented, secret) for secret in self.accepted)


class SecretFile(Secret):
    """One secret a line. To rotate, write the new one into the first line and keep the old one in the second until
    all that it signed has expired.
    """

    def __init__(self, file: Path) -> None:
        """Raises OSError, or ValueError, which names the file and none of its content."""
        self._file = file
        self._version = _version(file)
        self._checked_at = time.monotonic()
        super().__init__(*_read(file))

    @property
    def accepted(self) -> tuple[bytes, ...]:
        """Return the file's secrets; the previous ones if it cannot be read."""
        now = time.monotonic()
        if now - self._checked_at >= CHECK_SECONDS:
            self._checked_at = now
            self._read_if_changed()
        return self._accepted

    def _read_if_changed(self) -> None:
        try:
            version = _version(self._file)
            if version == self._version:
                return
            self._accepted, self._version = _read(self._file), version
        except (OSError, ValueError) as error:
            log.error("secret.unreadable", file=str(self._file), reason=str(error))
            return
        log.info("secret.changed", file=str(self._file))


def configured_secret(text: SecretStr | None, file: Path | None) -> Secret | None:
    """Return the secret of a setting, which may also be in a file; then the file counts."""
    if file is not None:
        return SecretFile(file)
    return Secret(text.get_secret_value().encode()) if text is not None else None


def checked_secret_file(file: Path) -> Path:
    """Raises ValueError if it holds no secrets."""
    try:
        _read(file)
    except OSError as error:
        raise ValueError("unreadable") from error
    return file


def _signature(secret: bytes, message: bytes) -> bytes:
    return hmac.digest(secret, message, hashlib.sha256)[:SIGNATURE_BYTES]


def _version(file: Path) -> tuple[int, int, int]:
    status = file.stat()
    return status.st_ino, status.st_mtime_ns, status.st_size


def _read(file: Path) -> tuple[bytes, ...]:
    secrets = tuple(line.strip() for line in file.read_bytes().splitlines() if line.strip())
    if not secrets or any(len(secret) < SECRET_CHARACTERS for secret in secrets):
        raise ValueError(f"{file} needs one secret a line, of at least {SECRET_CHARACTERS} random characters each")
    return secrets
