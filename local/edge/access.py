"""Decide whether a request's signature allows its URL."""

from base64 import b64decode, b64encode
from collections.abc import Mapping

from darkroom_shared.times import Clock
from local.edge.address import Address
from local.edge.errors import (
    ACCESS_DENIED,
    MALFORMED_POLICY,
    MALFORMED_SIGNATURE,
    MISSING_KEY,
    CloudFrontError,
    Refused,
)
from local.edge.key_group import KeyGroup
from local.edge.policy import Policy, canned_policy, read_policy
from local.edge.resources import covers

_FROM_CLOUDFRONT = str.maketrans("-_~", "+=/")


class AccessCheck:
    """`base_url` is the scheme and host for which URLs were signed, whatever Host a request names."""

    def __init__(self, base_url: str, keys: KeyGroup, clock: Clock) -> None:
        self._base_url = base_url
        self._keys = keys
        self._clock = clock

    async def load_keys(self, address: Address) -> None:
        """Refresh the keys before the address is checked: its key may have been added or removed."""
        await self._keys.refresh(address.signature.get("Key-Pair-Id", ""))

    def require_allowed(self, address: Address, viewer: str) -> None:
        """Raises Refused unless the signature is valid, covers this address, and holds now and for this viewer."""
        signature = address.signature
        if not signature.get("Key-Pair-Id"):
            raise Refused(MISSING_KEY)
        policy = self._signed_policy(address, signature)
        covered = covers(policy.resource, self._base_url, address.path, address.query)
        if not covered or not policy.allows(self._clock().timestamp(), viewer):
            raise Refused(ACCESS_DENIED)

    def _signed_policy(self, address: Address, parameters: Mapping[str, str]) -> Policy:
        """Return the policy. Nothing of it is read before its signature has been checked."""
        if ("Policy" in parameters) == ("Expires" in parameters):
            raise Refused(ACCESS_DENIED)  # neither, or both, which would be ambiguous
        if "Policy" in parameters:
            document = _decoded(parameters["Policy"], MALFORMED_POLICY)
        else:
            document = _canned(f"{self._base_url}{address.signed}", parameters["Expires"])
        self._keys.require_signed(
            document,
            _decoded(parameters.get("Signature", ""), MALFORMED_SIGNATURE),
            key_id=parameters["Key-Pair-Id"],
            hash_name=parameters.get("Hash-Algorithm", "SHA1"),
        )
        return read_policy(document)


def _canned(url: str, expires: str) -> bytes:
    if not expires.isascii() or not expires.isdigit() or '"' in url or "\\" in url:
        raise Refused(MALFORMED_POLICY)
    return canned_policy(url, expires)


def _decoded(text: str, reason: CloudFrontError) -> bytes:
    """Decode CloudFront's base64. Only one spelling is accepted: two texts with the same bytes would be two URLs for
    one signature.
    """
    standard = text.translate(_FROM_CLOUDFRONT)
    try:
        data = b64decode(standard, validate=True)
    except ValueError as error:
        raise Refused(reason) from error
    if not data or b64encode(data).decode() != standard:
        raise Refused(reason)
    return data
