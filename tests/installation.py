"""A complete Darkroom for tests: `darkroom up` on a temporary folder and free ports."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.local.up.darkroom import environment, three_free_ports
from tests.servers import running

COMMAND = Path(sys.executable).with_name("darkroom")


@dataclass(frozen=True, slots=True)
class Installation:
    url: str
    folder: Path

    def pid(self, words: str) -> int:
        """Return the process id of the service whose command line ends with `words`, for example `-m web`."""
        supervisor = (self.folder / "lock").read_text().strip()
        for child in Path(f"/proc/{supervisor}/task/{supervisor}/children").read_text().split():
            if Path(f"/proc/{child}/cmdline").read_text().replace("\0", " ").rstrip().endswith(words):
                return int(child)
        raise LookupError(f"the supervisor has no child {words}")


@contextmanager
def running_installation(folder: Path, **settings: str) -> Iterator[Installation]:
    """Run `darkroom up` until the end of the block; its data is in a folder inside this one."""
    port = three_free_ports()
    variables = environment(folder / "data", port, PYTHONWARNINGS="default", **settings)
    own = [f"{name}={value}" for name, value in variables.items() if name.startswith(("DARKROOM_", "PYTHON"))]
    outer = [f"--unset={name}" for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_REGION")]
    with running(["env", *outer, *own, COMMAND, "up"], "Darkroom is ready at"):
        yield Installation(f"http://127.0.0.1:{port}", folder / "data")
