"""The options of every server: idle connections outlive a load balancer's, and no forged address is believed."""

import httpx
import pytest

from darkroom_process.asgi_types import Receive, Scope, Send
from darkroom_process.server_config import server_config
from tests.web.servers import running_server

LOAD_BALANCER_IDLE_SECONDS = 60


async def show_client(scope: Scope, _receive: Receive, send: Send) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": f"{scope['scheme']} {scope['client'][0]}".encode()})


def test_an_idle_connection_is_closed_by_the_load_balancer_first() -> None:
    assert server_config(show_client, grace_seconds=1).timeout_keep_alive > LOAD_BALANCER_IDLE_SECONDS


@pytest.mark.parametrize(
    ("trusted", "client"), [("", "http 127.0.0.1"), ("10.0.0.0/8", "http 127.0.0.1"), ("127.0.0.1", "https 192.0.2.1")]
)
def test_forwarded_addresses_are_read_only_from_trusted_proxies(
    monkeypatch: pytest.MonkeyPatch, trusted: str, client: str
) -> None:
    monkeypatch.setenv("FORWARDED_ALLOW_IPS", "*")  # uvicorn's own variable, which must not decide
    config = server_config(show_client, grace_seconds=1, trusted_proxies=trusted)
    with running_server(config) as url:
        headers = {"X-Forwarded-For": "192.0.2.1", "X-Forwarded-Proto": "https"}
        assert httpx.get(url, headers=headers).text == client
