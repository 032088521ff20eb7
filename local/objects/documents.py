"""S3's XML: written as strings, read with a parser that refuses document types."""

from urllib.parse import quote
from xml.etree.ElementTree import Element, ParseError, fromstring

from local.objects.errors import S3Error

_NAMESPACE = "http://s3.amazonaws.com/doc/2006-03-01/"
# XML 1.0 cannot represent most control characters; S3 sends references anyway, and clients read them.
_ESCAPES = {code: f"&#x{code:x};" for code in range(32) if chr(code) not in "\t\n"}
_ESCAPES |= {ord("&"): "&amp;", ord("<"): "&lt;", ord(">"): "&gt;", ord('"'): "&quot;"}


def text(name: str, value: str | int | None) -> str:
    """Return one element with a value, or an empty string for None."""
    if value is None:
        return ""
    return f"<{name}>{str(value).translate(_ESCAPES)}</{name}>"


def flag(name: str, value: bool) -> str:
    return text(name, "true" if value else "false")


def element(name: str, *children: str) -> str:
    return f"<{name}>{''.join(children)}</{name}>"


def document(name: str, *children: str) -> bytes:
    body = "".join(children)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n<{name} xmlns="{_NAMESPACE}">{body}</{name}>'.encode()


def error_document(error: S3Error, resource: str, request_id: str) -> bytes:
    """Build an error document; errors have no namespace."""
    body = element(
        "Error",
        text("Code", error.code),
        text("Message", error.message),
        *(text(name, value) for name, value in error.details.items()),
        text("Resource", resource),
        text("RequestId", request_id),
    )
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{body}'.encode()


def named(key: str, encoding: str | None) -> str:
    """Return a key as a listing contains it: percent-encoded with `encoding-type=url`, otherwise unchanged."""
    return quote(key, safe="/*-._") if encoding == "url" else key


def parse(body: bytes, root: str) -> Element:
    """Parse a document. Raises MalformedXML unless it is one element named `root`, in S3's namespace or in none."""
    if b"<!" in body:  # entities can grow without limit; no request of S3 has a document type, comment or CDATA
        raise S3Error("MalformedXML")
    try:
        parsed = fromstring(body)  # noqa: S314 - document types, which entity bombs need, are refused above
    except (ParseError, ValueError, LookupError) as error:
        raise S3Error("MalformedXML") from error
    if parsed.tag.rpartition("}")[2] != root:
        raise S3Error("MalformedXML")
    return parsed


def children(parent: Element, name: str) -> list[Element]:
    return parent.findall(f"{{*}}{name}")


def value_of(parent: Element, name: str) -> str | None:
    return parent.findtext(f"{{*}}{name}")


def require_value(parent: Element, name: str) -> str:
    value = value_of(parent, name)
    if value is None:
        raise S3Error("MalformedXML")
    return value
