"""What no decoder may reach: a server that records connections, and a file whose contents may appear nowhere."""

from dataclasses import dataclass
from pathlib import Path

WORDS = "CANARY-5b1f-of-the-secret-file"


@dataclass(frozen=True, slots=True)
class Trap:
    url: str
    secret: Path
