"""Describe the machine that runs the benchmarks, in a few lines."""

import os
import platform
from datetime import UTC, datetime
from pathlib import Path


def describe_machine() -> list[str]:
    return [
        f"- {datetime.now(UTC):%Y-%m-%d}",
        f"- {_value(Path('/proc/cpuinfo'), 'model name')}, {os.cpu_count()} cores in use",
        f"- {int(_value(Path('/proc/meminfo'), 'MemTotal').split()[0]) / 1024**2:.0f} GiB of memory",
        f"- {_value(Path('/etc/os-release'), 'PRETTY_NAME', '=')}, Linux {platform.release()}",
        f"- Python {platform.python_version()}",
    ]


def _value(path: Path, key: str, separator: str = ":") -> str:
    for line in path.read_text().splitlines():
        name, matched, value = line.partition(separator)
        if matched and name.strip() == key:
            return value.strip().strip('"')
    return "unknown"
