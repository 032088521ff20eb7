"""Errors of the client itself; errors of the service are `darkroom_shared.problems.Problem`."""


class ClientError(Exception):
    """The message is one sentence for a person."""

    retry_after_seconds: float | None = None


class NotReachable(ClientError):
    """The service did not respond, or not in time."""


class UnexpectedResponse(ClientError):
    """The response does not come from a Darkroom service."""


class UnusableState(ClientError):
    """A state file of this client cannot be read or written."""


class UnusableFile(ClientError):
    """The local file cannot be read, or cannot become an item."""


class FileChanged(ClientError):
    """The local file changed since its upload began."""


class TransferRefused(ClientError):
    """The storage refuses to store or return these bytes; a retry would not help."""


class StorageBusy(ClientError):
    """The storage is throttling; a retry later may succeed."""

    def __init__(self, message: str, retry_after_seconds: float | None = None) -> None:
        super().__init__(message)
        self.retry_after_seconds = retry_after_seconds


class LinkExpired(ClientError):
    """A signed URL has expired; a new one will work."""


class UploadGone(ClientError):
    """The storage has ended or expired this upload."""


class DamagedCopy(ClientError):
    """The received bytes do not match the expected ones."""
