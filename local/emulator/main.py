"""Serve the emulator's SQS and SNS on one loopback port; run as a plain file by the emulator's own interpreter.

That interpreter has uvicorn but none of Darkroom's other packages, so this file and its imports use nothing else.
"""

import logging
import os
import sys
import types
from pathlib import Path

ROOT = Path(__file__).parents[2]


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

    from darkroom_process.hosts import AllowedHosts
    from darkroom_process.http_protocol import StrictHttpProtocol
    from darkroom_process.redaction import filter_uncaught, redacting_handler
    from local.emulator.gateway import Gateway
    from local.emulator.long_polls import LongPolls
    from local.faults import with_queue_faults
    from local.signed_requests import verifier_from_environment

    verifier = verifier_from_environment("sqs", "sns")
    hosts = AllowedHosts.parse(os.environ.get("DARKROOM_ALLOWED_HOSTS", ""), host, port)
    served = Gateway(with_queue_faults(emulator, LongPolls, verifier), verifier, hosts)
    logging.getLogger().handlers = [redacting_handler()]  # in place of the emulator's own
    filter_uncaught()
    uvicorn.run(
        served,
        host=host,
        port=port,
        http=StrictHttpProtocol,
        ws="none",
        server_header=False,
        log_config=None,
        log_level="info",
        access_log=False,
        timeout_graceful_shutdown=1,
    )


def _reach_own_package() -> None:
    """Make our packages importable, and nothing else of their parent folders."""
    for name in ("local", "shared/darkroom_process", "shared/darkroom_shared"):
        folder = ROOT / name
        package = types.ModuleType(folder.name)
        package.__path__ = [str(folder)]
        sys.modules[folder.name] = package


if __name__ == "__main__":
    main()
