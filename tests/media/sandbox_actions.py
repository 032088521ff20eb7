"""Actions of a confined child; each is a module-level function, so that another process can import it."""

import ctypes
import fcntl
import mmap
import os
import resource
import signal
import socket
import threading
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from app.media.sandbox.confinement import Limits, become_encoder, confine
from app.media.sandbox.system_calls import system_call

DONE, REFUSED, BROKEN = 0, 3, 70


@dataclass(frozen=True, slots=True)
class Ending:
    """How the child ended. `exit_code` is negative for a signal; `text` is the action's result or error."""

    exit_code: int
    text: str


def run_confined(
    action: Callable[[], object], folder: Path, source: Path, limits: Limits | None = None, encoder: Path | None = None
) -> Ending:
    """Run the action in a confined child of this process.

    Call it in a small process without threads, as the template is one.
    """
    read_end, end = os.pipe()
    child = os.fork()
    if child == 0:
        _be_confined(action, folder, source, limits or Limits(), encoder, end)
    os.close(end)
    with os.fdopen(read_end, "rb") as pipe:
        text = pipe.read().decode()
    return Ending(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), text)


def _be_confined(
    action: Callable[[], object], folder: Path, source: Path, limits: Limits, encoder: Path | None, end: int
) -> None:
    exit_code = BROKEN
    try:
        os.dup2(end, 1)
        os.dup2(os.open(os.devnull, os.O_RDWR), 2)
        program = os.open(encoder, os.O_RDONLY | os.O_CLOEXEC) if encoder else None
        if program is not None:
            program = os.dup2(program, ENCODER, inheritable=False)  # whatever this process had there
        confine(limits, folder, source=source, encoder=program, keep=end)
        try:
            os.write(end, repr(action()).encode())
            exit_code = DONE
        except (OSError, ValueError, MemoryError) as error:  # `resource` raises ValueError for a refusal
            os.write(end, repr(error).encode())
            exit_code = REFUSED
    except BaseException:  # noqa: BLE001  this copy of the process ends here
        os.write(end, traceback.format_exc().encode())
    finally:
        os._exit(exit_code)


ENCODER = 40
"""The descriptor on which the encoder is open, whatever else is open."""


def read(path: str | Path) -> int:
    return len(Path(path).read_bytes())


def write(path: str | Path) -> None:
    Path(path).write_bytes(b"new")


def list_folder(path: str) -> list[str]:
    return os.listdir(path)  # noqa: PTH208  the plain call is what is tested


def move(path: Path, target: str) -> None:
    path.rename(target)


def remove(path: Path) -> None:
    path.unlink()


def link(path: Path) -> None:
    os.link(path, "linked")
    read("linked")


def link_symbolically(path: Path) -> None:
    Path("pointing").symlink_to(path)


def change_mode(path: Path) -> None:
    path.chmod(0o777)


def change_owner(path: Path) -> None:
    os.chown(path, 1, 1)


def close_its_folder() -> None:
    os.fchmod(os.open(".", os.O_RDONLY), 0)


def make_folder() -> None:
    Path("deeper").mkdir()


def make_pipe() -> None:
    os.mkfifo("pipe")


def open_socket(address_family: int, kind: int = socket.SOCK_STREAM) -> None:
    socket.socket(address_family, kind).close()


def open_pair() -> None:
    socket.socketpair()


def start_program(path: str) -> None:
    os.execv(path, [path])  # noqa: S606


def start_by_descriptor(path: str) -> None:
    os.execve(os.open(path, os.O_RDONLY), [path], {})  # noqa: S606


def start_the_encoder_by_its_own_way() -> None:
    os.execve(ENCODER, ["ffmpeg", "-version"], {})  # noqa: S606


def start_by_absolute_path(path: str) -> None:
    """Start a program by its absolute path, which takes precedence over the descriptor."""
    words = (ctypes.c_char_p * 2)(path.encode(), None)
    system_call("execveat", ENCODER, path.encode(), words, (ctypes.c_char_p * 1)(None), 0x1000)


def fork() -> None:
    if os.fork() == 0:
        os._exit(0)


def clone_with(flags: int) -> None:
    if system_call("clone", flags | signal.SIGCHLD, 0, 0, 0, 0) == 0:
        os._exit(0)


def take_memory(size: int) -> None:
    mmap.mmap(-1, size).close()


def take_memory_piece_by_piece() -> None:
    pieces = []
    while True:
        pieces.append(mmap.mmap(-1, 8 << 20))  # not touched: the limit counts what is mapped


def raise_limit(kind: int) -> None:
    resource.setrlimit(kind, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))


def raise_limit_of_parent() -> None:
    resource.prlimit(os.getppid(), resource.RLIMIT_NOFILE, (10, 10))


def signal_process(offset: int) -> None:
    """Send signal 0: offset 1 to the parent, 0 to the own process group, -1 to every process."""
    os.kill(os.getppid() if offset == 1 else offset, 0)


def own_signals_to_parent() -> None:
    fcntl.fcntl(1, fcntl.F_SETOWN, os.getppid())


def outlive_parent() -> None:
    system_call("prctl", 1, 0, 0, 0, 0)


def raise_priority() -> None:
    os.setpriority(os.PRIO_PROCESS, 0, -5)


def leave_group() -> None:
    os.setsid()


def change_user() -> None:
    os.setuid(1)


def make_memory_file() -> None:
    os.memfd_create("hidden")


def push_terminal_input() -> None:
    fcntl.ioctl(0, 0x5412, b"x")


def call(name: str) -> None:
    system_call(name, 0, 0, 0, 0, 0, 0)


def call_number(number: int) -> None:
    ctypes.CDLL(None).syscall(ctypes.c_long(number))


def call_as_32_bits() -> None:
    """Call getpid by its i386 number: `mov eax, 20; int 0x80; ret`."""
    code = mmap.mmap(-1, mmap.PAGESIZE, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
    code.write(b"\xb8\x14\x00\x00\x00\xcd\x80\xc3")
    ctypes.CFUNCTYPE(ctypes.c_int)(ctypes.addressof(ctypes.c_char.from_buffer(code)))()


def start_thread() -> str:
    failures: list[str] = []
    thread = threading.Thread(target=lambda: failures.append("ran"))
    thread.start()
    thread.join()
    return failures[0]


def work_in_folder() -> list[str]:
    Path("half").write_bytes(b"1")
    Path("half").rename("whole")
    return list_folder(".")


def write_without_end() -> None:
    with Path("endless").open("wb") as file:
        while True:
            file.write(bytes(1 << 20))


def run_without_end() -> None:
    while True:
        pass


def open_files_without_end() -> None:
    files = []
    while True:
        files.append(Path("/dev/null").open("rb"))  # noqa: SIM115


def encode(*arguments: str) -> None:
    become_encoder(ENCODER, arguments)
