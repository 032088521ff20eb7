"""The readiness of this process; it is turned off first at a shutdown, so that load balancers send requests
elsewhere."""

import asyncio


class Readiness:
    """`draining`: new requests should go to other processes. `stopping`: streams end now. Neither is ever reset."""

    def __init__(self) -> None:
        self.draining = False
        self.stopping = asyncio.Event()

    def drain(self) -> None:
        self.draining = True

    def stop(self) -> None:
        self.draining = True
        self.stopping.set()
