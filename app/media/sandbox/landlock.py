"""File access of a confined child, restricted by Landlock at whatever level the kernel has."""

import errno
import os
import struct
import sysconfig
from contextlib import suppress
from functools import cache
from pathlib import Path

from app.media.sandbox.system_calls import system_call

# linux/landlock.h
EXECUTE, WRITE_FILE, READ_FILE, READ_DIR = (1 << bit for bit in range(4))
REMOVE_DIR, REMOVE_FILE, MAKE_CHAR, MAKE_DIR, MAKE_REG = (1 << bit for bit in range(4, 9))
REFER, TRUNCATE, IOCTL_DEVICE = (1 << bit for bit in range(13, 16))
ALL_TCP = 0b11
ALL_SCOPES = 0b11
"""Abstract unix sockets, and signals, to processes outside."""
CREATE_RULESET_VERSION = 1
RULE_PATH_BENEATH = 1

# What the first level refuses, and what later ones added; a kernel rejects a bit that it does not know.
ACCESS_OF_LEVEL = {1: (1 << 13) - 1, 2: REFER, 3: TRUNCATE, 5: IOCTL_DEVICE}
LEVEL_WITH_NETWORK, LEVEL_WITH_SCOPES = 4, 6

READ = READ_FILE | READ_DIR
WORK = READ | WRITE_FILE | TRUNCATE | MAKE_REG | REMOVE_FILE
"""Plain files only: folders could be nested too deeply for the code that removes them."""
FILE_ACCESS = EXECUTE | WRITE_FILE | READ_FILE | TRUNCATE | IOCTL_DEVICE
"""The rights that a rule for a single file may contain; the others are for folders."""

# The encoder's wheel links the system's C library; libraries query the number of cores, and randomness.
SYSTEM = ("/lib", "/lib64", "/usr/lib", "/usr/lib64", "/etc/ld.so.cache", "/sys/devices/system/cpu", "/proc/cpuinfo")
DEVICES = ("/dev/urandom", "/dev/random", "/dev/zero")
NOTHING = "/dev/null"
LOADERS = ("/lib64/ld-linux-x86-64.so.2", "/lib/ld-linux-aarch64.so.1")
"""Starts a program that is not static; it is restricted like the program."""


class LandlockMissing(Exception):
    """The kernel has no Landlock, or it was not enabled at boot."""


def level() -> int:
    """Return the kernel's level. Raises LandlockMissing."""
    try:
        return system_call("landlock_create_ruleset", None, 0, CREATE_RULESET_VERSION)
    except OSError as error:
        if error.errno in (errno.ENOSYS, errno.EOPNOTSUPP):
            raise LandlockMissing(os.strerror(error.errno)) from error
        raise


def restrict_files(folder: Path, source: Path, encoder: int | None) -> None:
    """Restrict this process: it reads `source` and a short list, writes into `folder`, executes the encoder only.

    Raises LandlockMissing.
    """
    known = level()
    handled = sum(bits for since, bits in ACCESS_OF_LEVEL.items() if since <= known)
    tcp = ALL_TCP if known >= LEVEL_WITH_NETWORK else 0
    scopes = ALL_SCOPES if known >= LEVEL_WITH_SCOPES else 0
    # An older kernel accepts the longer structure if the fields that it does not know are zero.
    attributes = struct.pack("=QQQ", handled, tcp, scopes)
    rules = system_call("landlock_create_ruleset", attributes, len(attributes), 0)
    try:
        for path in (*SYSTEM, *DEVICES, *code_folders(), str(source)):
            _allow_path(rules, path, READ & handled)
        _allow_path(rules, str(folder), WORK & handled)
        _allow_path(rules, NOTHING, (READ_FILE | WRITE_FILE) & handled)
        if encoder is not None:
            _allow(rules, encoder, (READ_FILE | EXECUTE) & handled)
            for loader in LOADERS:
                _allow_path(rules, loader, (READ_FILE | EXECUTE) & handled)
        system_call("landlock_restrict_self", rules, 0)
    finally:
        os.close(rules)


@cache
def code_folders() -> tuple[str, ...]:
    """Return the folders of Python's modules and packages, which may be imported late; never our checkout's root."""
    paths = sysconfig.get_paths()
    ours = Path(__file__).resolve().parents[2]
    return tuple(dict.fromkeys((paths["stdlib"], paths["platstdlib"], paths["purelib"], paths["platlib"], str(ours))))


def _allow_path(rules: int, path: str, access: int) -> None:
    """Add a rule; a path that does not exist needs none."""
    with suppress(FileNotFoundError):
        descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
        try:
            _allow(rules, descriptor, access if Path(path).is_dir() else access & FILE_ACCESS)
        finally:
            os.close(descriptor)


def _allow(rules: int, descriptor: int, access: int) -> None:
    system_call("landlock_add_rule", rules, RULE_PATH_BENEATH, struct.pack("=Qi", access, descriptor), 0)
