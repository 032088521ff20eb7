"""How much a child has written in all: the kernel limits each of its files, not their sum."""

from pathlib import Path

POLL_SECONDS = 1.0


def bytes_written(pid: int) -> int:
    """Everything since it was forked, also into files that it has removed; 0 where the kernel does not count."""
    try:
        lines = Path(f"/proc/{pid}/io").read_text().splitlines()
    except OSError:  # built without CONFIG_TASK_IO_ACCOUNTING, or just dead: the limit of each file remains
        return 0
    counted = dict(line.split(": ") for line in lines)
    # What `write` was given, and what became dirty by other ways; a mapped file shows in the second only.
    return max(int(counted["wchar"]), int(counted["write_bytes"]))
