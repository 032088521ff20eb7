"""Whether this process wants requests: off first when it is told to stop, so that balancers look elsewhere."""

import asyncio


class Readiness:
    """`draining`: new requests should go elsewhere. `stopping`: streams end now. Neither is ever taken back."""

    def __init__(self) -> None:
        self.draining = False
        self.stopping = asyncio.Event()

    def drain(self) -> None:
        self.draining = True

    def stop(self) -> None:
        self.draining = True
        self.stopping.set()
