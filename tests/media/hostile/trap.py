"""What no decoder may reach: a server that counts who calls, and a file whose words must show up nowhere."""

from dataclasses import dataclass
from pathlib import Path

WORDS = "CANARY-5b1f-of-the-secret-file"


@dataclass(frozen=True, slots=True)
class Trap:
    url: str
    secret: Path
