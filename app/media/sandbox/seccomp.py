"""The system calls that a confined child may make, as a seccomp filter.

A call that is not listed returns ENOSYS, as on an older kernel, so that a library falls back or fails. The calls that
no decoder ever makes kill the child, and its crash report has the limit `system_call`.
"""

import ctypes
import errno
import platform
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

from app.media.sandbox.system_calls import numbers, system_call

ALLOWED = """
read write readv writev pread64 pwrite64 preadv pwritev preadv2 pwritev2 lseek sendfile copy_file_range
open openat creat close close_range dup dup2 dup3 pipe pipe2 flock
stat fstat lstat newfstatat statx statfs fstatfs access faccessat faccessat2 readlink readlinkat getcwd
getdents getdents64 ftruncate truncate fallocate fsync fdatasync sync_file_range fadvise64 readahead
rename renameat renameat2 unlink unlinkat umask
mmap munmap mprotect madvise mincore msync brk membarrier
futex set_robust_list get_robust_list rseq set_tid_address arch_prctl exit exit_group
gettid getpid getppid getpgid getpgrp getsid getuid geteuid getgid getegid getresuid getresgid getgroups
sched_yield sched_getaffinity sched_getparam sched_getscheduler sched_get_priority_max sched_get_priority_min
getpriority getcpu getrlimit getrusage sysinfo uname getrandom
rt_sigaction rt_sigprocmask rt_sigreturn rt_sigsuspend rt_sigpending rt_sigtimedwait sigaltstack restart_syscall
poll ppoll select pselect6 epoll_create epoll_create1 epoll_ctl epoll_wait epoll_pwait eventfd eventfd2
clock_gettime clock_getres clock_nanosleep nanosleep gettimeofday time times
"""

KILLED = """
ptrace process_vm_readv process_vm_writev process_madvise kcmp pidfd_getfd
keyctl add_key request_key bpf perf_event_open userfaultfd io_uring_setup io_uring_enter io_uring_register
mount umount2 move_mount open_tree fsopen fsconfig fsmount fspick mount_setattr pivot_root chroot unshare setns
init_module finit_module delete_module kexec_load kexec_file_load reboot open_by_handle_at modify_ldt personality
remap_file_pages
"""

# These calls are allowed only with the listed values of one argument; all others return EPERM.
FCNTL_COMMANDS = (0, 1, 2, 3, 4, 5, 6, 7, 1030)  # F_DUPFD to F_SETLKW, F_DUPFD_CLOEXEC: no owner, no signal, no lease
IOCTL_REQUESTS = (0x5401, 0x5413, 0x541B, 0x5421, 0x5450, 0x5451)  # TCGETS TIOCGWINSZ FIONREAD FIONBIO FIO(N)CLEX
PRCTL_OPTIONS = (3, 15, 16, 0x53564D41)  # PR_GET_DUMPABLE PR_SET_NAME PR_GET_NAME PR_SET_VMA
CLONE_THREAD = 0x00010000
NEW_NAMESPACES = 0x7E020080  # CLONE_NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID, NEWNET, NEWTIME
MREMAP_FIXED = 2
AT_EMPTY_PATH = 0x1000
EMPTY_PATH_ADDRESS = 0x10000
"""Address of the empty path of the single `execveat`: the lowest page that a process may map on every kernel."""

# linux/seccomp.h, linux/audit.h, linux/filter.h
ALLOW, KILL, ERRNO = 0x7FFF0000, 0x80000000, 0x00050000
AUDIT_ARCHITECTURES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
X32_BIT = 0x40000000
LOAD, AND, IF_EQUAL, IF_GREATER, IF_AT_LEAST, RETURN = 0x20, 0x54, 0x15, 0x25, 0x35, 0x06
NUMBER, ARCHITECTURE, ARGUMENTS = 0, 4, 16
FULL = 0xFFFFFFFF
INSTRUCTION_BYTES = 8
PR_SET_SECCOMP, SECCOMP_MODE_FILTER = 22, 2


class SeccompMissing(Exception):
    """The kernel supports no filter."""


@dataclass(frozen=True, slots=True)
class Half:
    """One half of a 64-bit argument, masked, compared with a value."""

    argument: int
    value: int
    mask: int = FULL
    high: bool = False
    maximum: bool = False


@dataclass(frozen=True, slots=True)
class Rule:
    """The action for a call if all conditions hold."""

    call: str
    action: int
    conditions: tuple[Half, ...] = ()


def install_filter(process: int, encoder: int | None) -> None:
    """Filter this process, its future threads and the program that replaces it. Raises SeccompMissing."""
    program = _program(process, encoder)
    content = ctypes.create_string_buffer(program, len(program))
    header = struct.pack("@HP", len(program) // INSTRUCTION_BYTES, ctypes.addressof(content))
    try:
        system_call("prctl", PR_SET_SECCOMP, SECCOMP_MODE_FILTER, header, 0, 0)
    except OSError as error:
        raise SeccompMissing(str(error)) from error


def _program(process: int, encoder: int | None) -> bytes:
    """Return the filter: first the rules with this process's arguments, then the list shared by all children."""
    own = [
        Rule("kill", ALLOW, (Half(0, process),)),
        Rule("tgkill", ALLOW, (Half(0, process),)),
        # Reading a limit is harmless; setting one would undo ours, for root the hard limits, too.
        *(Rule("prlimit64", ALLOW, (Half(0, who), *_equal(2, 0))) for who in (0, process)),
    ]
    if encoder is not None:
        own += _execution_of(encoder)
    return b"".join([_architecture_check(), *map(_compile, own), common_rules()])


def _execution_of(encoder: int) -> list[Rule]:
    """Return the rules that allow one `execveat`. A filter cannot read the path, only compare its pointer.

    An absolute path would override the descriptor, so the pointer must be the page with our empty path. The encoder
    itself, once started, has no such page and cannot map one, so it can start no program.
    """
    started = (Half(0, encoder), *_equal(1, EMPTY_PATH_ADDRESS), Half(4, AT_EMPTY_PATH))
    anywhere = _equal(0, 0)
    low = (Half(0, 0, high=True), Half(0, EMPTY_PATH_ADDRESS, maximum=True))
    return [
        Rule("execveat", ALLOW, started),
        Rule("mmap", ALLOW, anywhere),
        Rule("mmap", ERRNO | errno.EPERM, low),
    ]


@cache
def common_rules() -> bytes:
    """Return the rules of every child, compiled once."""
    conditional = [
        Rule("clone", ALLOW, (Half(0, CLONE_THREAD, mask=CLONE_THREAD | NEW_NAMESPACES),)),
        Rule("mremap", ALLOW, (Half(3, 0, mask=MREMAP_FIXED),)),
        *(Rule("fcntl", ALLOW, (Half(1, command),)) for command in FCNTL_COMMANDS),
        *(Rule("ioctl", ALLOW, (Half(1, request),)) for request in IOCTL_REQUESTS),
        *(Rule("prctl", ALLOW, (Half(0, option),)) for option in PRCTL_OPTIONS),
        Rule("ioctl", ERRNO | errno.ENOTTY),
    ]
    refused = ("clone", "mremap", "fcntl", "prctl", "prlimit64", "kill", "tgkill", "execveat")
    rules = [
        *(Rule(call, ALLOW) for call in ALLOWED.split()),
        *conditional,
        *(Rule(call, ERRNO | errno.EPERM) for call in refused),
        *(Rule(call, KILL) for call in KILLED.split()),
    ]
    return b"".join(map(_compile, rules)) + _step(RETURN, ERRNO | errno.ENOSYS)


def _architecture_check() -> bytes:
    """Kill calls of other architectures, which number their calls differently."""
    machine = platform.machine()
    steps = [_step(LOAD, ARCHITECTURE), _step(IF_EQUAL, AUDIT_ARCHITECTURES[machine], 1, 0), _step(RETURN, KILL)]
    if machine == "x86_64":
        steps += [_step(LOAD, NUMBER), _step(IF_AT_LEAST, X32_BIT, 0, 1), _step(RETURN, KILL)]
    return b"".join(steps)


def _compile(rule: Rule) -> bytes:
    number = numbers().get(rule.call)
    if number is None:
        return b""
    tests = [[_step(LOAD, NUMBER)], *map(_load, rule.conditions)]
    values = [(IF_EQUAL, number, False)]
    values += [(IF_GREATER if half.maximum else IF_EQUAL, half.value, half.maximum) for half in rule.conditions]
    return b"".join(_chain(tests, values)) + _step(RETURN, rule.action)


def _chain(loads: list[list[bytes]], values: list[tuple[int, int, bool]]) -> Iterator[bytes]:
    """Yield loads and comparisons; the first comparison that fails jumps behind the rule."""
    left = sum(len(load) + 1 for load in loads)
    for load, (comparison, value, fails_when_true) in zip(loads, values, strict=True):
        left -= len(load) + 1
        yield from load
        behind = left + 1  # over the rest and the rule's return
        yield _step(comparison, value, *((behind, 0) if fails_when_true else (0, behind)))


def _load(half: Half) -> list[bytes]:
    """Load one half. Both machines are little-endian: the low half comes first."""
    steps = [_step(LOAD, ARGUMENTS + 8 * half.argument + 4 * half.high)]
    return steps if half.mask == FULL else [*steps, _step(AND, half.mask)]


def _equal(argument: int, value: int) -> tuple[Half, ...]:
    """Compare all 64 bits, as pointers require."""
    return (Half(argument, value & FULL), Half(argument, value >> 32, high=True))


def _step(code: int, value: int, if_true: int = 0, if_false: int = 0) -> bytes:
    return struct.pack("=HBBI", code, if_true, if_false, value)
