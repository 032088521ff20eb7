"""The public status on the wire."""

from darkroom_shared.wire import Response


class Status(Response):
    """It says only whether the installation serves its users; operators read the overview and the metrics."""

    ok: bool
