"""The policies of signed URLs, canned and custom: what a signature allows."""

import ipaddress
import json
from dataclasses import dataclass
from typing import Any

from local.edge.errors import MALFORMED_POLICY, Refused


@dataclass(frozen=True, slots=True)
class Policy:
    """Times are seconds since 1970."""

    resource: str
    before: int
    after: int | None = None
    viewers: ipaddress.IPv4Network | ipaddress.IPv6Network | None = None

    def allows(self, now: float, viewer: str) -> bool:
        """Return True if the policy is valid at this time and for this viewer's address."""
        return (
            now < self.before
            and (self.after is None or now > self.after)
            and (self.viewers is None or _is_in(viewer, self.viewers))
        )


def canned_policy(url: str, expires: str) -> bytes:
    """Return the signed bytes of a URL with `Expires`, exactly as CloudFront's documentation defines them."""
    condition = f'{{"DateLessThan":{{"AWS:EpochTime":{expires}}}}}'
    return f'{{"Statement":[{{"Resource":"{url}","Condition":{condition}}}]}}'.encode()


def read_policy(document: bytes) -> Policy:
    """Parse a policy.

    Raises Refused unless every member is known, because an ignored condition would be a security hole. Stricter than
    CloudFront: a policy without Resource is refused, while CloudFront lets it allow everything of the key group.
    """
    try:
        statements = _only(json.loads(document, object_pairs_hook=_without_doubles), "Statement")["Statement"]
        if not isinstance(statements, list) or len(statements) != 1:
            raise ValueError("not exactly one statement")
        statement = _only(statements[0], "Resource", "Condition")
        condition = _only(statement["Condition"], "DateLessThan", "DateGreaterThan", "IpAddress")
        if not isinstance(statement["Resource"], str):
            raise TypeError("a Resource that is not text")
        return Policy(
            statement["Resource"],
            before=_epoch(condition["DateLessThan"]),
            after=_epoch(condition["DateGreaterThan"]) if "DateGreaterThan" in condition else None,
            viewers=_network(condition["IpAddress"]) if "IpAddress" in condition else None,
        )
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise Refused(MALFORMED_POLICY) from error


def _without_doubles(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("a member twice")
    return members


def _only(value: Any, *names: str) -> dict[str, Any]:
    if not isinstance(value, dict) or not value.keys() <= set(names):
        raise ValueError("an unknown member")
    return value


def _epoch(value: Any) -> int:
    seconds = _only(value, "AWS:EpochTime")["AWS:EpochTime"]
    if type(seconds) is not int:
        raise TypeError("a time that is not a whole number")
    return seconds


def _network(value: Any) -> ipaddress.IPv4Network | ipaddress.IPv6Network:
    network = _only(value, "AWS:SourceIp")["AWS:SourceIp"]
    if not isinstance(network, str):
        raise TypeError("an address that is not text")
    return ipaddress.ip_network(network, strict=False)


def _is_in(viewer: str, network: ipaddress.IPv4Network | ipaddress.IPv6Network) -> bool:
    try:
        address = ipaddress.ip_address(viewer)
    except ValueError:
        return False
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    return address in network
