"""Password hashing with Argon2id in threads of its own, so that many sign-ins cannot starve other requests."""

import asyncio
import base64
import secrets
import threading
import unicodedata
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

import argon2
from argon2.exceptions import InvalidHashError, VerifyMismatchError
from argon2.low_level import ARGON2_VERSION, Type

from darkroom_shared.problems import Invalid, Unavailable

Result = TypeVar("Result")

MIN_CHARACTERS = 10
# OWASP's password storage cheat sheet, Argon2id: 46 MiB, one pass, one lane; some 50 ms of one core.
MEMORY_KIB = 46 * 1024
PASSES = 1
LANES = 1
THREADS = 2
"""Maximum number of concurrent hashes per process."""
MAX_PENDING = 40
"""Two seconds of hashing. Further requests are refused with Retry-After."""
RETRY_AFTER_SECONDS = 2


def check_new_password(email: str, password: str) -> None:
    """Raise Invalid for a password that is too short or equals the address."""
    if len(password) < MIN_CHARACTERS:
        raise _refused(f"has fewer than {MIN_CHARACTERS} characters")
    if password.strip().lower() == email:
        raise _refused("is the address itself")


class Passwords:
    """Hash and verify passwords. Passwords that differ only in their Unicode form (another keyboard) are the same."""

    def __init__(self, memory_kib: int = MEMORY_KIB) -> None:
        self._argon2 = argon2.PasswordHasher(time_cost=PASSES, memory_cost=memory_kib, parallelism=LANES, type=Type.ID)
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="passwords")
        self._slots = threading.BoundedSemaphore(MAX_PENDING)
        self._placeholder_hash = _unmatched_hash(memory_kib)

    async def hash(self, password: str) -> str:
        """Return the hash. Raises Unavailable if too many requests are pending."""
        return await self._in_thread(lambda: self._argon2.hash(_canonical(password)))

    async def matches(self, password_hash: str | None, password: str) -> bool:
        """Return whether the password matches. Takes the same time without a hash. Raises Unavailable like `hash`."""
        compared = password_hash or self._placeholder_hash
        matched = await self._in_thread(lambda: self._verify(compared, _canonical(password)))
        return matched and password_hash is not None

    def is_outdated(self, password_hash: str) -> bool:
        """Return whether the hash was made with other parameters than the current ones."""
        return self._argon2.check_needs_rehash(password_hash)

    def close(self) -> None:
        """Stop the threads without waiting for a hash that is being computed; cancel those that have not begun."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _verify(self, password_hash: str, password: bytes) -> bool:
        try:
            return self._argon2.verify(password_hash, password)
        except (VerifyMismatchError, InvalidHashError):
            return False

    async def _in_thread(self, work: Callable[[], Result]) -> Result:
        if not self._slots.acquire(blocking=False):
            raise Unavailable("Too many people are signing in.", retry_after_seconds=RETRY_AFTER_SECONDS)
        future = self._threads.submit(work)
        # Released when the thread is free, not when the request ends: a client that disconnects frees no core.
        future.add_done_callback(self._release_slot)
        return await asyncio.wrap_future(future)

    def _release_slot(self, _future: Future[Result]) -> None:
        self._slots.release()


def _unmatched_hash(memory_kib: int) -> str:
    """Return random bytes in the form of a hash, which costs as much to verify as any other and matches no password."""
    salt, digest = (base64.b64encode(secrets.token_bytes(size)).decode().rstrip("=") for size in (16, 32))
    return f"$argon2id$v={ARGON2_VERSION}$m={memory_kib},t={PASSES},p={LANES}${salt}${digest}"


def _canonical(password: str) -> bytes:
    # JSON allows a lone surrogate, which UTF-8 does not; it is a valid part of a password.
    return unicodedata.normalize("NFKC", password).encode("utf-8", "surrogatepass")


def _refused(reason: str) -> Invalid:
    return Invalid(errors=[{"field": "password", "message": reason}])
