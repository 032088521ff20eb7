"""What the processes of a chaos run share: constants scaled down, keys, and a plan in shared memory."""

import mmap
from dataclasses import asdict, dataclass
from json import dumps, loads
from pathlib import Path

from pydantic import TypeAdapter

from app.stores.cache.keys import Entry, Key
from app.stores.cache.timing import Timing

PROCESSES = 4
KEYS = 32
LAG_SECONDS = 0.12
"""The reader's lag while no fault increases it."""
TIMING = Timing(
    poll=0.06,
    permit=0.3,
    fence=0.5,
    lag_limit=0.15,
    load=1.0,
    lease=2.5,
    held=0.05,
    recheck=0.005,
    reply_seconds=0.2,
    connect=0.3,
    retry=0.1,
    takeover=0.5,
    stale=1.0,
)
CALM_FACTOR = 8
"""In a calm run all durations are longer, for a busy machine: if a change is acknowledged only after the reader's lag,
or if the permits end before they are renewed, no rule is needed and no ablation is caught.
"""
CALM_TIMING = Timing(**{name: seconds * CALM_FACTOR for name, seconds in asdict(TIMING).items()})
NUMBER = Entry("number", 1, 1, decides_access=True).of_type(TypeAdapter(int))
"""It decides access, because an entry that does not may be as old as the reader while there is no permit: no read
could be called stale.
"""


def key_of(number: int) -> Key[int]:
    return NUMBER.key(str(number))


@dataclass(frozen=True, slots=True)
class Orders:
    """The parameters of one process, sent as JSON on its command line."""

    process: int
    seed: int
    redis_url: str
    database_url: str
    plan: str
    ablation: str | None
    calm: bool

    def as_text(self) -> str:
        return dumps(asdict(self))

    @classmethod
    def read(cls, text: str) -> "Orders":
        return cls(**loads(text))


class ChaosPlan:
    """Numbers in shared memory, which outlive a killed process. Each slot has one writer and is written atomically."""

    _FROZEN = PROCESSES * (KEYS + 2)
    _QUIET = _FROZEN + 1

    def __init__(self, path: Path) -> None:
        size = 8 * (self._QUIET + 1)
        if not path.exists():
            path.write_bytes(bytes(size))
        with path.open("r+b") as file:
            self._memory = mmap.mmap(file.fileno(), size)
        self._slots = memoryview(self._memory).cast("q")

    def close(self) -> None:
        self._slots.release()
        self._memory.close()

    def acknowledged(self, key: int) -> int:
        """Return the key's newest version whose write has been acknowledged in any process."""
        return max(self._slots[process * KEYS + key] for process in range(PROCESSES))

    def acknowledge(self, process: int, key: int, version: int) -> None:
        slot = process * KEYS + key
        self._slots[slot] = max(version, self._slots[slot])

    def count(self, process: int, operations: int, stale: int) -> None:
        """Add to the counts of this process."""
        first = PROCESSES * KEYS + process * 2
        self._slots[first] += operations
        self._slots[first + 1] += stale

    def counted(self) -> tuple[int, int]:
        """Return the operations and stale reads of all processes."""
        counts = self._slots[PROCESSES * KEYS : self._FROZEN].tolist()
        return sum(counts[::2]), sum(counts[1::2])

    @property
    def frozen_at_ns(self) -> int:
        """The moment after which the reader sees no writes; 0 while replication runs."""
        return self._slots[self._FROZEN]

    @frozen_at_ns.setter
    def frozen_at_ns(self, moment: int) -> None:
        self._slots[self._FROZEN] = moment

    @property
    def quiet(self) -> bool:
        """True while writers pause."""
        return self._slots[self._QUIET] == 1

    @quiet.setter
    def quiet(self, quiet: bool) -> None:
        self._slots[self._QUIET] = int(quiet)
