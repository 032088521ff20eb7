"""CORS: the rules of a bucket, and what they allow to pages of other origins.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/cors.html
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from sqlite3 import Connection

from local.objects import documents
from local.objects.errors import S3Error
from local.objects.requests import Request
from local.objects.responses import Response

_METHODS = frozenset({"GET", "PUT", "HEAD", "POST", "DELETE"})
_MAX_RULES = 100
_VARY = "Origin, Access-Control-Request-Headers, Access-Control-Request-Method"


@dataclass(frozen=True, slots=True)
class Rule:
    """Origins and request headers may contain one `*` each."""

    origins: tuple[str, ...]
    methods: tuple[str, ...]
    headers: tuple[str, ...]
    exposed: tuple[str, ...]
    seconds: int | None


def read_rules(body: bytes) -> list[Rule]:
    """Parse a CORS configuration. Raises MalformedXML or InvalidRequest."""
    rules = []
    for entry in documents.children(documents.parse(body, "CORSConfiguration"), "CORSRule"):
        elements = {
            name: tuple(child.text or "" for child in documents.children(entry, name))
            for name in ("AllowedOrigin", "AllowedMethod", "AllowedHeader", "ExposeHeader")
        }
        seconds = documents.value_of(entry, "MaxAgeSeconds")
        if not elements["AllowedOrigin"] or not elements["AllowedMethod"] or not (seconds or "0").isdecimal():
            raise S3Error("MalformedXML")
        if unknown := set(elements["AllowedMethod"]) - _METHODS:
            raise S3Error("InvalidRequest", f"Found unsupported HTTP method in CORS config: {min(unknown)}")
        if any(pattern.count("*") > 1 for pattern in elements["AllowedOrigin"] + elements["AllowedHeader"]):
            raise S3Error("InvalidRequest", "A CORS pattern can not have more than one wildcard.")
        origins, methods, headers, exposed = elements.values()
        rules.append(Rule(origins, methods, headers, exposed, int(seconds) if seconds else None))
    if not 0 < len(rules) <= _MAX_RULES:
        raise S3Error("MalformedXML")
    return rules


def rules_document(rules: Sequence[Rule]) -> bytes:
    return documents.document("CORSConfiguration", *(_rule_element(rule) for rule in rules))


def _rule_element(rule: Rule) -> str:
    return documents.element(
        "CORSRule",
        *(documents.text("AllowedOrigin", origin) for origin in rule.origins),
        *(documents.text("AllowedMethod", method) for method in rule.methods),
        *(documents.text("AllowedHeader", header) for header in rule.headers),
        *(documents.text("ExposeHeader", header) for header in rule.exposed),
        documents.text("MaxAgeSeconds", rule.seconds),
    )


def set_rules(connection: Connection, bucket: str, rules: Sequence[Rule]) -> None:
    """Replace the bucket's rules; an empty sequence deletes them. Raises NoSuchBucket."""
    stored = json.dumps([asdict(rule) for rule in rules]) if rules else None
    if not connection.execute("UPDATE buckets SET cors = ? WHERE name = ?", (stored, bucket)).rowcount:
        raise S3Error("NoSuchBucket", details={"BucketName": bucket})


def find_rules(connection: Connection, bucket: str) -> list[Rule]:
    """Return the bucket's rules; an absent bucket has none."""
    row = connection.execute("SELECT cors FROM buckets WHERE name = ?", (bucket,)).fetchone()
    return list(_decoded(row[0])) if row and row[0] else []


def _decoded(stored: str) -> Iterator[Rule]:
    for rule in json.loads(stored):
        origins, methods, headers, exposed = (
            tuple(rule[name]) for name in ("origins", "methods", "headers", "exposed")
        )
        yield Rule(origins, methods, headers, exposed, rule["seconds"])


def preflight(request: Request, rules: Sequence[Rule]) -> Response:
    """Respond to a browser's preflight request. Raises AccessForbidden."""
    origin, method = request.headers.get("origin"), request.headers.get("access-control-request-method")
    if origin is None or method is None:
        raise S3Error("InvalidRequest", "Insufficient information. Origin request header needed.")
    requested = [name.strip() for name in request.headers.get("access-control-request-headers", "").split(",")]
    lowered = [name.lower() for name in requested if name]
    for rule in rules:
        if _allows(rule, origin, method) and all(_matches_any(rule.headers, name) for name in lowered):
            headers = _rule_headers(rule, origin) | {"access-control-allow-methods": ", ".join(rule.methods)}
            if lowered:
                headers["access-control-allow-headers"] = ", ".join(lowered)
            if rule.seconds is not None:
                headers["access-control-max-age"] = str(rule.seconds)
            return Response(200, headers)
    raise S3Error("AccessForbidden")


def response_headers(request: Request, rules: Sequence[Rule]) -> dict[str, str]:
    """Return the headers that allow the page to read a response, including an error."""
    origin = request.headers.get("origin")
    if origin is None:
        return {}
    for rule in rules:
        if _allows(rule, origin, request.method):
            return _rule_headers(rule, origin)
    return {"vary": _VARY}


def _rule_headers(rule: Rule, origin: str) -> dict[str, str]:
    allows_any = "*" in rule.origins
    headers = {"access-control-allow-origin": "*" if allows_any else origin, "vary": _VARY}
    if not allows_any:
        headers["access-control-allow-credentials"] = "true"
    if rule.exposed:
        headers["access-control-expose-headers"] = ", ".join(rule.exposed)
    return headers


def _allows(rule: Rule, origin: str, method: str) -> bool:
    return method in rule.methods and _matches_any(rule.origins, origin)


def _matches_any(patterns: Sequence[str], value: str) -> bool:
    return any(_matches(pattern, value) for pattern in patterns)


def _matches(pattern: str, value: str) -> bool:
    before, star, after = pattern.lower().partition("*")
    if not star:
        return before == value.lower()
    return len(value) >= len(before) + len(after) and value.lower().startswith(before) and value.lower().endswith(after)
