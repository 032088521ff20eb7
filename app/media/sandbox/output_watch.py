"""Total bytes that a child has written: the kernel limits each of its files, not their sum."""

from pathlib import Path

POLL_SECONDS = 1.0


def bytes_written(pid: int) -> int:
    """Return all bytes since the fork, also those of removed files; 0 if the kernel does not count."""
    try:
        lines = Path(f"/proc/{pid}/io").read_text().splitlines()
    except OSError:  # no CONFIG_TASK_IO_ACCOUNTING, or just ended: the limit per file remains
        return 0
    counted = dict(line.split(": ") for line in lines)
    # The bytes passed to `write`, and those made dirty in other ways; a mapped file shows in the second only.
    return max(int(counted["wchar"]), int(counted["write_bytes"]))
