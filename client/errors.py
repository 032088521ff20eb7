"""What can go wrong on this side of the wire; what the service itself answers is a `shared.problems.Problem`."""


class ClientError(Exception):
    """The message is one sentence for a person."""

    retry_after_seconds: float | None = None


class NotReachable(ClientError):
    """Nobody answered, or not in time."""


class UnexpectedResponse(ClientError):
    """Somebody answered who does not speak as a Darkroom does."""


class UnusableState(ClientError):
    """A file that this client keeps for itself can't be read or written."""


class UnusableFile(ClientError):
    """The local file can't be read, or is nothing that an item could be made of."""


class FileChanged(ClientError):
    """The local file is no longer the one whose upload began."""


class TransferRefused(ClientError):
    """The storage will not take or give these bytes, and asking again would not help."""


class StorageBusy(ClientError):
    """The storage asks for patience."""

    def __init__(self, message: str, retry_after_seconds: float | None = None) -> None:
        super().__init__(message)
        self.retry_after_seconds = retry_after_seconds


class LinkExpired(ClientError):
    """A signed URL does not work any more; a new one will."""


class UploadGone(ClientError):
    """The storage does not know this upload any more."""


class DamagedCopy(ClientError):
    """The bytes that arrived are not the ones that were promised."""


def first_failure(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """The tasks of one piece of work fail for one reason; which of them said so first does not matter."""
    first = group.exceptions[0]
    return first_failure(first) if isinstance(first, BaseExceptionGroup) else first
