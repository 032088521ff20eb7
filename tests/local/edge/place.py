"""An edge under test: its origin's contents, and a client that sends a request target unchanged."""

import http.client
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

ACCESS_KEY_ID, SECRET_ACCESS_KEY = "AKIDEDGE", "secret-of-the-edge"
BUCKET, REGION = "darkroom", "eu-central-1"
FOLDER = "renditions/anna/item1"
SMALL = f"{FOLDER}/3f9c/1/small.webp"
OTHER_ITEM = "renditions/anna/item2/3f9c/1/small.webp"
OTHER_ACCOUNT = "renditions/bert/item1/3f9c/1/small.webp"
ODD = f"{FOLDER}/3f9c/1/ä b+c*d?e#f.webp"
ORIGINAL = "originals/anna/item1"
BODIES = {key: f"the bytes of {key}".encode() for key in (SMALL, OTHER_ITEM, OTHER_ACCOUNT, ODD, ORIGINAL)}
CACHING = "private, max-age=31536000, immutable"


@dataclass(frozen=True, slots=True)
class Response:
    """The names in `headers` are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def code(self) -> str:
        return self.body.decode().partition("<Code>")[2].partition("</Code>")[0]


@dataclass(frozen=True, slots=True)
class Edge:
    base_url: str

    def url(self, key: str) -> str:
        return f"{self.base_url}/{key}"

    def request(self, url: str, method: str = "GET", **headers: str) -> Response:
        """Send a request. Underscores in header names become hyphens."""
        connection = http.client.HTTPConnection(urlsplit(self.base_url).netloc, timeout=30)
        try:
            target = url.removeprefix(self.base_url)
            connection.request(method, target, headers={name.replace("_", "-"): text for name, text in headers.items()})
            response = connection.getresponse()
            named = {name.lower(): value for name, value in response.getheaders()}
            return Response(response.status, named, response.read())
        finally:
            connection.close()
