"""Parse a request's address: the key in S3, the signature's parameters, and the signed part."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import unquote, unquote_to_bytes

from local.edge.errors import ACCESS_DENIED, Refused

SIGNATURE_PARAMETERS = frozenset({"Policy", "Expires", "Signature", "Key-Pair-Id", "Hash-Algorithm"})
_MAX_URL_CHARACTERS = 8192  # CloudFront's limit for a URL
_MAX_KEY_BYTES = 1024  # S3's limit

_PLAIN = re.compile(r"/[A-Za-z0-9._~!$&'()*+,;=:@/-]*(?:%[0-9A-Fa-f]{2}[A-Za-z0-9._~!$&'()*+,;=:@/-]*)*").fullmatch
_DOT_SEGMENT_OR_EMPTY = re.compile(r"/(?:\.{0,2}/|\.{1,2}$)").search
# Escapes of characters that need none, and of those that change the meaning if unescaped again: controls, / \ and %.
_HARMFUL_ESCAPE = re.compile(
    r"%(?:[01][0-9A-F]|7F|2[5DEF]|3[0-9]|4[1-9A-F]|5[0-9AC]|5F|6[1-9A-F]|7[0-9AE])", re.IGNORECASE
).search


@dataclass(frozen=True, slots=True)
class Address:
    """`signed` is path and query without the signature's parameters, with their bytes unchanged."""

    key: str
    path: str
    query: str
    signature: Mapping[str, str]

    @property
    def signed(self) -> str:
        return f"{self.path}?{self.query}" if self.query else self.path


def read_address(raw_path: bytes, raw_query: bytes) -> Address:
    """Parse path and query.

    Raises Refused for any path that two readers could map to two keys; CloudFront would leave the decision to the
    origin.
    """
    if len(raw_path) + len(raw_query) > _MAX_URL_CHARACTERS:
        raise Refused(ACCESS_DENIED)
    try:
        path, query = raw_path.decode("ascii"), raw_query.decode("ascii")
    except UnicodeDecodeError as error:
        raise Refused(ACCESS_DENIED) from error
    rest, signature = _split_query(query)
    return Address(_key(path), path, rest, signature)


def _key(path: str) -> str:
    if not _PLAIN(path) or _DOT_SEGMENT_OR_EMPTY(path) or _HARMFUL_ESCAPE(path):
        raise Refused(ACCESS_DENIED)
    key = unquote_to_bytes(path[1:])
    if not 0 < len(key) <= _MAX_KEY_BYTES:
        raise Refused(ACCESS_DENIED)
    try:
        return key.decode()
    except UnicodeDecodeError as error:
        raise Refused(ACCESS_DENIED) from error


def _split_query(query: str) -> tuple[str, Mapping[str, str]]:
    """Return the other parameters in their order, and the signature's. Raises Refused if one of the signature's is
    repeated.
    """
    rest: list[str] = []
    signature: dict[str, str] = {}
    for pair in query.split("&") if query else ():
        name, _, value = pair.partition("=")
        if name not in SIGNATURE_PARAMETERS:
            rest.append(pair)
        elif name in signature:
            raise Refused(ACCESS_DENIED)
        else:
            signature[name] = unquote(value)  # some clients escape the `~` of CloudFront's alphabet
    return "&".join(rest), signature
