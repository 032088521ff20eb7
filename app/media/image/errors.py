"""Errors for the owner of an image that cannot be read."""

from collections.abc import Iterator
from contextlib import contextmanager

import pyvips

from app.media.results import MediaError
from app.media.sandbox.protocol import OUT_OF_MEMORY
from app.media.space import no_space, reports_full
from darkroom_shared.items import FailureCode

NEEDS_MEMORY = "it needs more memory than a picture may take"


def damaged() -> MediaError:
    message = "This picture is damaged or was cut off. Please upload it again from where it came."
    return MediaError(FailureCode.DAMAGED, message)


def unsupported() -> MediaError:
    return MediaError(FailureCode.UNSUPPORTED, "This picture is of a kind that Darkroom cannot read.")


def too_large(reason: str) -> MediaError:
    return MediaError(FailureCode.TOO_LARGE, f"This picture is too large: {reason}.")


@contextmanager
def decoding_errors() -> Iterator[None]:
    """Convert libvips' errors about a file to MediaError, and that of a full disk to OSError."""
    try:
        yield
    except MemoryError as error:
        raise too_large(NEEDS_MEMORY) from error
    except pyvips.Error as error:
        if reports_full(str(error)):  # libvips writes what it cannot read row by row to a file
            raise no_space("libvips had no space for its temporary file") from error
        raise error_for(str(error)) from error


def error_for(message: str) -> MediaError:
    """Return the error that matches a decoder's message."""
    message = message.lower()
    if OUT_OF_MEMORY in message or "limit exceeded" in message or "memory allocation" in message:
        return too_large(NEEDS_MEMORY)
    if "unsupported" in message or "not supported" in message or "not been built in" in message:
        return unsupported()
    return damaged()
