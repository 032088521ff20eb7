"""Match a policy's Resource against a URL: `*` matches any characters, `?` exactly one.

A wildcard ends with its part of the URL: scheme, host, path or query.

https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/private-content-creating-signed-url-custom-policy.html
"""

import re

_PARTS = re.compile(r"(?P<scheme>[^:/?]+)://(?P<host>[^/]+)/(?P<rest>.*)", re.DOTALL)


def covers(resource: str, base_url: str, path: str, query: str) -> bool:
    """`base_url` is scheme and host, `path` begins with a slash, `query` excludes the signature's parameters."""
    allowed = _PARTS.fullmatch(resource)
    scheme, _, host = base_url.partition("://")
    if allowed is None or not _matches(allowed["scheme"], scheme) or not _matches(allowed["host"], host):
        return False
    rest, path = allowed["rest"], path.removeprefix("/")
    if not query:
        return _matches(rest, path)
    if rest.endswith("*") and _matches(rest, path):
        return True  # an asterisk at the end also matches the query
    # A question mark is both a wildcard and the start of the query: both readings are tried.
    return any(
        _matches(rest[: mark.start()], path) and _matches(rest[mark.end() :], query)
        for mark in re.finditer(r"\?", rest)
    )


def _matches(pattern: str, text: str) -> bool:
    """Match a wildcard pattern in at most len(pattern) * len(text) steps."""
    at, star, resumed = 0, -1, 0
    index = 0
    while index < len(text):
        if at < len(pattern) and pattern[at] == "*":
            star, resumed, at = at, index, at + 1
        elif at < len(pattern) and pattern[at] in ("?", text[index]):
            at, index = at + 1, index + 1
        elif star >= 0:
            at, resumed, index = star + 1, resumed + 1, resumed + 1
        else:
            return False
    return all(character == "*" for character in pattern[at:])
