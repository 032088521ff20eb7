"""Every error of the API as one table: class, stable type, status, title, whether to retry."""

import json
from typing import Any, ClassVar

MEDIA_TYPE = "application/problem+json"
TYPE_PREFIX = "urn:darkroom:problem:"


class Problem(Exception):
    """An error with a stable type (RFC 9457). `detail` is one sentence for a person; `extras` are further members."""

    type: ClassVar[str] = "internal"
    status: ClassVar[int] = 500
    title: ClassVar[str] = "Something went wrong on our side"
    retry: ClassVar[bool] = True

    def __init__(self, detail: str | None = None, *, retry_after_seconds: int | None = None, **extras: Any) -> None:
        super().__init__(detail or self.title)
        self.detail = detail
        self.retry_after_seconds = retry_after_seconds
        self.extras = extras

    def body(self) -> dict[str, Any]:
        """Return the members of the problem document."""
        members: dict[str, Any] = {"type": TYPE_PREFIX + self.type, "title": self.title, "status": self.status}
        if self.detail is not None:
            members["detail"] = self.detail
        return members | {"retry": self.retry} | self.extras

    def to_json(self) -> bytes:
        """Return the problem document as it is sent."""
        return json.dumps(self.body(), ensure_ascii=False, separators=(",", ":")).encode()


class BadRequest(Problem):
    type, status, title, retry = "bad-request", 400, "The request cannot be read", False


class Unauthenticated(Problem):
    type, status, title, retry = "unauthenticated", 401, "Sign in first", False


class CrossSite(Problem):
    type, status, title, retry = "cross-site", 403, "This request came from another site", False


class Forbidden(Problem):
    type, status, title, retry = "forbidden", 403, "Not allowed", False


class RegistrationClosed(Problem):
    type, status, title, retry = "registration-closed", 403, "Registration is closed on this installation", False


class AdministratorLinkInvalid(Problem):
    type, status, title, retry = "administrator-link-invalid", 403, "This link makes no account any more", False


class ShareLocked(Problem):
    type, status, title, retry = "share-locked", 403, "This link opens with its password", False


class NotFound(Problem):
    type, status, title, retry = "not-found", 404, "There is no such thing, or it is not yours", False


class MethodNotAllowed(Problem):
    type, status, title, retry = "method-not-allowed", 405, "This method does not exist here", False


class RequestTimeout(Problem):
    type, status, title, retry = "request-timeout", 408, "The request did not arrive in time", True


class AddressTaken(Problem):
    type, status, title, retry = "address-taken", 409, "This address already has an account", False


class WrongState(Problem):
    type, status, title, retry = "wrong-state", 409, "The present state does not allow this", False


class Full(Problem):
    type, status, title, retry = "full", 409, "There is no room for more of this", False


class NotUploaded(Problem):
    type, status, title, retry = "not-uploaded", 409, "The upload is not complete", True


class EventsGone(Problem):
    type, status, title, retry = "events-gone", 410, "These events are no longer kept", False


class PlaylistGone(Problem):
    type, status, title, retry = "playlist-gone", 410, "This try at making the video has ended", False


class Outdated(Problem):
    type, status, title, retry = "outdated", 412, "Somebody changed this since you read it", False


class TooLarge(Problem):
    type, status, title, retry = "too-large", 413, "This is larger than the service takes", False


class QuotaExceeded(Problem):
    type, status, title, retry = "quota-exceeded", 413, "The account has no room for this", False


class Invalid(Problem):
    type, status, title, retry = "invalid", 422, "Some fields are not right", False


class IdempotencyMismatch(Problem):
    type, status, title, retry = "idempotency-mismatch", 422, "This Idempotency-Key was used for another request", False


class UploadMismatch(Problem):
    type, status, title, retry = "upload-mismatch", 422, "The uploaded bytes are not the declared ones", True


class TooManyRequests(Problem):
    type, status, title, retry = "too-many-requests", 429, "Too many requests", True


class HeadTooLarge(Problem):
    type, status, title, retry = "head-too-large", 431, "The request's target and headers are over 64 KiB", False


class Unavailable(Problem):
    type, status, title, retry = "unavailable", 503, "The service cannot do this at the moment", True


class DeadlineExceeded(Problem):
    type, status, title, retry = "deadline-exceeded", 504, "The request took longer than its caller waits", True


_PROBLEMS: tuple[type[Problem], ...] = (Problem, *Problem.__subclasses__())

PROBLEMS: dict[str, type[Problem]] = {problem.type: problem for problem in _PROBLEMS}
"""Every problem by its type without the prefix."""
