"""Saved sign-ins, one per server, in a file that only its owner can read."""

import json
import os
import tempfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from darkroom_client.errors import UnusableState


@dataclass(frozen=True, slots=True)
class SavedSignIn:
    email: str
    token: str


@dataclass(frozen=True, slots=True)
class Credentials:
    newest: str | None
    """The server of the newest sign-in: the default of commands that name no server."""
    servers: Mapping[str, SavedSignIn]


class CredentialsFile:
    """Every change writes a new file and replaces the old one with it."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def read(self) -> Credentials:
        """Return no sign-ins if the file is absent. Raises UnusableState if it cannot be read."""
        try:
            document = json.loads(self._path.read_bytes())
            servers = {url: SavedSignIn(entry["email"], entry["token"]) for url, entry in document["servers"].items()}
            return Credentials(document.get("latest"), servers)
        except FileNotFoundError:
            return Credentials(None, {})
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise UnusableState(f"{self._path} cannot be read ({error}); remove it and sign in again") from error

    def put(self, url: str, sign_in: SavedSignIn) -> None:
        self._write(Credentials(url, dict(self.read().servers) | {url: sign_in}))

    def remove(self, url: str) -> None:
        stored = self.read()
        servers = {server: saved for server, saved in stored.servers.items() if server != url}
        self._write(Credentials(None if stored.newest == url else stored.newest, servers))

    def _write(self, credentials: Credentials) -> None:
        document = {
            "latest": credentials.newest,
            "servers": {url: asdict(saved) for url, saved in credentials.servers.items()},
        }
        try:
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            # created with mode 0600
            with tempfile.NamedTemporaryFile("w", dir=self._path.parent, delete=False) as file:
                json.dump(document, file, indent=2)
                file.flush()
                os.fsync(file.fileno())
            Path(file.name).replace(self._path)
        except OSError as error:
            raise UnusableState(f"{self._path} cannot be written: {error.strerror}") from error
