"""Runs the start check on a kernel that lacks a feature: `python -m tests.worker.restricted_kernel MISSING WANTED`.

A seccomp filter of our own returns the errors of a kernel that was built or booted without the feature. With `worker`
in place of WANTED the process becomes a complete worker.
"""

import asyncio
import ctypes
import errno
import os
import struct
import sys
import tempfile
from pathlib import Path

from app.media.sandbox import seccomp
from app.media.sandbox.confinement import prepare
from app.media.sandbox.system_calls import system_call

PR_SET_NO_NEW_PRIVS = 38
MISSING = {
    "nothing": (),
    "landlock": (seccomp.Rule("landlock_create_ruleset", seccomp.ERRNO | errno.EOPNOTSUPP),),
    "seccomp": (
        seccomp.Rule("prctl", seccomp.ERRNO | errno.EINVAL, (seccomp.Half(0, seccomp.PR_SET_SECCOMP),)),
        seccomp.Rule("seccomp", seccomp.ERRNO | errno.ENOSYS),
    ),
}


def take_away(missing: str) -> None:
    """Remove the feature from this process and its descendants."""
    rules = b"".join(seccomp._compile(rule) for rule in MISSING[missing])
    program = seccomp._architecture_check() + rules + seccomp._step(seccomp.RETURN, seccomp.ALLOW)
    content = ctypes.create_string_buffer(program, len(program))
    header = struct.pack("@HP", len(program) // seccomp.INSTRUCTION_BYTES, ctypes.addressof(content))
    system_call("prctl", PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    system_call("prctl", seccomp.PR_SET_SECCOMP, seccomp.SECCOMP_MODE_FILTER, header, 0, 0)


def run_check(required: str) -> int | None:
    from app.media.decoders import Decoders
    from app.settings import Sandbox
    from app.worker.start_check import Unsafe, check_decoding, check_sandbox
    from darkroom_process.logs import configure_logs

    async def check(decoders: Decoders) -> int | None:
        try:
            with tempfile.TemporaryDirectory() as scratch:
                level = await check_sandbox(decoders, Path(scratch), Sandbox(required))
                await check_decoding(decoders, Path(scratch))
                return level
        finally:
            await decoders.aclose()

    configure_logs()
    try:
        return asyncio.run(check(Decoders.start(slots=1)))
    except Unsafe as reason:
        raise SystemExit(f"unsafe: {reason}") from None


def main(missing: str, required: str) -> None:
    prepare()
    take_away(missing)
    if required == "worker":  # loads the packages of `run_check` itself
        os.execv(sys.executable, [sys.executable, "-m", "app", "worker"])  # noqa: S606  # our own program
    sys.stdout.write(f"landlock_level={run_check(required)}\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
