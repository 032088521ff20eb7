"""Starts the tables server: `python -m local.tables`."""

import sys

import uvicorn
from pydantic import ValidationError

from local.tables.server import TablesServer
from local.tables.settings import TablesSettings

SWITCH_SECONDS = 0.0005  # between threads; Python's 5 ms would let one long page hold up every small request
KEEP_ALIVE_SECONDS = 75  # longer than any client's pool keeps a connection idle
GRACE_SECONDS = 10


def main() -> int:
    """Serves until SIGTERM or SIGINT; a missing or wrong setting ends it with one line each."""
    try:
        settings = TablesSettings()
    except ValidationError as error:
        for problem in error.errors():
            name = "DARKROOM_" + "_".join(str(part) for part in problem["loc"]).upper()
            field = TablesSettings.model_fields[str(problem["loc"][0])]
            sys.stderr.write(f"{name}: {problem['msg']}. {field.description}\n")
        return 2
    sys.setswitchinterval(SWITCH_SECONDS)
    uvicorn.run(
        TablesServer(settings.tables_file),
        host=settings.listen_host,
        port=settings.listen_port,
        loop="uvloop",
        http="httptools",
        ws="none",
        lifespan="on",
        access_log=False,
        server_header=False,
        log_level="warning",
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=GRACE_SECONDS,
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
