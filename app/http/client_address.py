"""The client address of a request, as seen by our outermost proxy; used for rate limits only."""

from ipaddress import IPv6Address, ip_address
from typing import Annotated

from fastapi import Depends, Request

IPV6_NETWORK_BITS = 64
"""A household or phone usually has a whole /64, so single addresses would allow 2^64 attempts."""


def client_address(request: Request) -> str:
    """Return the client address. X-Forwarded-For is read from the right: the client may have written the entries
    further left."""
    hops: int = request.state.forwarded_hops
    forwarded = ",".join(request.headers.getlist("x-forwarded-for")).split(",")
    if len(forwarded) >= hops and (seen := _bucket(forwarded[-hops])):
        return seen
    return _bucket(request.client.host if request.client else "") or "unknown"


ClientAddress = Annotated[str, Depends(client_address)]


def _bucket(text: str) -> str | None:
    """Return the key that attempts are counted under, or None if `text` is not an address. All IPv6 addresses of a /64
    share one key."""
    try:
        address = ip_address(text.strip())
    except ValueError:
        return None
    if not isinstance(address, IPv6Address):
        return str(address)
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return str(IPv6Address(int(address) >> IPV6_NETWORK_BITS << IPV6_NETWORK_BITS))
