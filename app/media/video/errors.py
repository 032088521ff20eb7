"""Errors for the owner of a video that cannot be converted."""

from app.media.results import MediaError
from darkroom_shared.items import FailureCode


def damaged() -> MediaError:
    message = "This video is damaged or was cut off. Please upload it again from where it came."
    return MediaError(FailureCode.DAMAGED, message)


def unsupported(why: str) -> MediaError:
    return MediaError(FailureCode.UNSUPPORTED, f"This is not a video that Darkroom can read: {why}.")


def too_large(why: str) -> MediaError:
    return MediaError(FailureCode.TOO_LARGE, f"This video is too large: {why}.")
