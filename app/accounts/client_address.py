"""Where a request comes from: the address that the outermost tier of ours saw, for limits only."""

from ipaddress import IPv6Address, ip_address
from typing import Annotated

from fastapi import Depends, Request

IPV6_NETWORK_BITS = 64
"""One household or phone has a whole /64, and so would have 2^64 attempts."""


def client_address(request: Request) -> str:
    """Counted from the right of X-Forwarded-For: what stands further left, the client itself may have written."""
    hops: int = request.state.forwarded_hops
    forwarded = ",".join(request.headers.getlist("x-forwarded-for")).split(",")
    if len(forwarded) >= hops and (seen := _bucket(forwarded[-hops])):
        return seen
    return _bucket(request.client.host if request.client else "") or "unknown"


ClientAddress = Annotated[str, Depends(client_address)]


def _bucket(text: str) -> str | None:
    """None for what is no address. Every IPv6 address of one /64 is the same bucket."""
    try:
        address = ip_address(text.strip())
    except ValueError:
        return None
    if not isinstance(address, IPv6Address):
        return str(address)
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return str(IPv6Address(int(address) >> IPV6_NETWORK_BITS << IPV6_NETWORK_BITS))
