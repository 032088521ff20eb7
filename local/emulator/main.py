"""Serves the emulator's SQS and SNS on one loopback port; run as a plain file by the emulator's own interpreter.

That interpreter has none of Darkroom's packages, so this file and what it imports keep to the standard library.
"""

import os
import sys
import types
from pathlib import Path

PACKAGE = Path(__file__).parents[1]


def main() -> None:
    host, port = os.environ["DARKROOM_LISTEN_HOST"], int(os.environ["DARKROOM_LISTEN_PORT"])
    _reach_own_package()
    os.environ |= {
        "SERVICES": "sqs,sns",
        "BIND_HOST": host,
        "GATEWAY_PORT": str(port),
        "SFTP_ENABLED": "0",
        "IOT_MTLS_ENABLED": "0",
        "LOG_LEVEL": "WARNING",
    }
    import uvicorn
    from ministack.app import app as emulator

    from local.emulator.door import Door
    from local.emulator.long_polls import LongPolls
    from local.faults import with_queue_faults

    served = Door(with_queue_faults(emulator, LongPolls))
    uvicorn.run(served, host=host, port=port, log_level="info", access_log=False, timeout_graceful_shutdown=1)


def _reach_own_package() -> None:
    """Puts `local` within reach, and nothing that may be installed beside it."""
    package = types.ModuleType("local")
    package.__path__ = [str(PACKAGE)]
    sys.modules["local"] = package


if __name__ == "__main__":
    main()
