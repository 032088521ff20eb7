"""A second user of the machine: drop root's rights, send the requests and open the files of the input.

Reads `{"requests": [[port, base64 of the bytes], ...], "files": [path, ...]}`; prints the responses in the same
order, and the files that it could read. Fails if it is not started by root.
"""

import base64
import json
import os
import sys
from pathlib import Path

from tests.local.up.reach import exchange

UNPRIVILEGED_ID = 65_534


def main() -> None:
    requested = json.load(sys.stdin)
    if os.geteuid() != 0:
        sys.exit("Only root can act as a second user of the machine: run the tests as root.")
    os.setgroups([])
    os.setresgid(UNPRIVILEGED_ID, UNPRIVILEGED_ID, UNPRIVILEGED_ID)
    os.setresuid(UNPRIVILEGED_ID, UNPRIVILEGED_ID, UNPRIVILEGED_ID)
    responses = [exchange(port, base64.b64decode(sent)) for port, sent in requested["requests"]]
    readable = [path for path in requested["files"] if _can_read(path)]
    encoded = [base64.b64encode(each).decode() for each in responses]
    sys.stdout.write(json.dumps({"responses": encoded, "readable": readable}))


def _can_read(path: str) -> bool:
    try:
        return any(Path(path).iterdir()) if Path(path).is_dir() else bool(Path(path).read_bytes())
    except OSError:
        return False


if __name__ == "__main__":
    main()
