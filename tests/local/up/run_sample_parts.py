"""Supervise two sample parts, one with a child process, until a test kills this program."""

import asyncio
import sys
from pathlib import Path

from local.supervisor import Supervisor
from tests.local.up.sample_parts import a_server

if __name__ == "__main__":
    parts = [a_server("store"), a_server("worker", "--with-child", after=("store",))]
    asyncio.run(Supervisor(parts, Path(sys.argv[1]), print).run(lambda: print("ready", flush=True)))  # noqa: T201 - read by the test
