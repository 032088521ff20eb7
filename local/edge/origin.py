"""The origin: reads one bucket by the S3 protocol, streamed, over pooled connections with time limits."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Literal
from urllib.parse import quote, urlsplit

from aiohttp import ClientError, ClientResponse, ClientSession, ClientTimeout, TCPConnector
from yarl import URL

from darkroom_shared.times import Clock
from local.edge.origin_signature import Credential, signed_headers

CONNECTIONS = 256
CONNECT_SECONDS = 5.0
"""To get a connection; a pool that stays full for this long means that the origin is too slow."""
READ_SECONDS = 30.0
"""Between two pieces of a response; CloudFront's default."""
PIECE_BYTES = 64 * 1024


class OriginUnreachable(Exception):
    """The connection failed or broke."""


class OriginTimeout(Exception):
    """No response within the time limits."""


@dataclass(frozen=True, slots=True)
class OriginResponse:
    """`headers` have names in lower case."""

    status: int
    headers: Mapping[str, str]
    _response: ClientResponse

    async def pieces(self) -> AsyncIterator[bytes]:
        """Yield the body in pieces of at most PIECE_BYTES. Raises OriginUnreachable or OriginTimeout."""
        try:
            async for piece in self._response.content.iter_chunked(PIECE_BYTES):
                yield piece
        except TimeoutError as error:
            raise OriginTimeout from error
        except (ClientError, ConnectionError) as error:
            raise OriginUnreachable from error


class Origin:
    def __init__(
        self, session: ClientSession, endpoint: str, bucket: str, credential: Credential, clock: Clock
    ) -> None:
        self._session = session
        self._endpoint = endpoint.rstrip("/")
        self._host = urlsplit(endpoint).netloc
        self._bucket = bucket
        self._credential = credential
        self._clock = clock

    @asynccontextmanager
    async def request(
        self, method: Literal["GET", "HEAD"], key: str, headers: Mapping[str, str]
    ) -> AsyncIterator[OriginResponse]:
        """Yield the origin's response with its body unread. Raises OriginUnreachable or OriginTimeout."""
        path = f"/{self._bucket}/{quote(key, safe='/~')}"
        sent = signed_headers(method, self._host, path, headers, credential=self._credential, now=self._clock())
        try:
            response = await self._session.request(
                method, URL(self._endpoint + path, encoded=True), headers=sent, allow_redirects=False
            )
        except TimeoutError as error:
            raise OriginTimeout from error
        except (ClientError, ConnectionError) as error:
            raise OriginUnreachable from error
        async with response:
            lowered = {name.lower(): value for name, value in response.headers.items()}
            yield OriginResponse(response.status, lowered, response)


def origin_session(read_seconds: float = READ_SECONDS) -> ClientSession:
    """Create a session that forwards bytes unchanged: nothing is decompressed, no cookie is stored."""
    return ClientSession(
        connector=TCPConnector(limit=CONNECTIONS, keepalive_timeout=15.0),
        timeout=ClientTimeout(
            total=None, connect=CONNECT_SECONDS, sock_connect=CONNECT_SECONDS, sock_read=read_seconds
        ),
        auto_decompress=False,
        skip_auto_headers=("User-Agent", "Accept", "Accept-Encoding"),
        read_bufsize=PIECE_BYTES,
    )
