"""Each server with its real configuration, through raw sockets: all refuse the same table of requests."""

import socket
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from functools import partial

import pytest
import uvicorn

from tests.servers import running_queues
from tests.shared.darkroom_process.configs import app_config, web_config
from tests.shared.darkroom_process.corpus import (
    ACCEPTED,
    BAD_BODIES,
    BAD_HEADS,
    BAD_SECOND_REQUESTS,
    GOOD,
    LARGE_HEADS,
    LARGEST_HEAD,
)
from tests.shared.darkroom_process.raw import connect, exchange, read_to_end
from tests.web.servers import running_server


def _in_thread(make_config: Callable[[], uvicorn.Config]) -> AbstractContextManager[str]:
    config = make_config()
    config.port = 0
    return running_server(config)


SERVERS: dict[str, Callable[[], AbstractContextManager[str]]] = {
    "app": partial(_in_thread, app_config),
    "web": partial(_in_thread, web_config),
    "emulator": running_queues,
}


def bytes_of(sent: bytes) -> Iterator[bytes]:
    return (sent[at : at + 1] for at in range(len(sent)))


@pytest.fixture(scope="module", params=SERVERS)
def tier_url(request: pytest.FixtureRequest) -> Iterator[str]:
    with SERVERS[request.param]() as url:
        yield url


def test_a_malformed_head_gets_400_and_the_connection_closes(tier_url: str) -> None:
    outcomes = {name: [each.problem for each in exchange(tier_url, bad)] for name, bad in BAD_HEADS.items()}
    assert outcomes == {key: ["bad-request"] for key in BAD_HEADS}


def test_a_malformed_head_is_refused_even_if_sent_byte_by_byte(tier_url: str) -> None:
    outcomes = {name: [each.problem for each in exchange(tier_url, *bytes_of(bad))] for name, bad in BAD_HEADS.items()}
    assert outcomes == {key: ["bad-request"] for key in BAD_HEADS}


def test_a_malformed_body_gets_400_and_the_connection_closes(tier_url: str) -> None:
    outcomes = {name: [each.problem for each in exchange(tier_url, bad)] for name, bad in BAD_BODIES.items()}
    assert outcomes == {key: ["bad-request"] for key in BAD_BODIES}


def test_a_head_over_64_kib_gets_431_and_the_connection_closes(tier_url: str) -> None:
    outcomes = {name: [each.problem for each in exchange(tier_url, large)] for name, large in LARGE_HEADS.items()}
    assert outcomes == {key: ["head-too-large"] for key in LARGE_HEADS}


def test_valid_requests_are_served(tier_url: str) -> None:
    outcomes = {name: {each.status for each in exchange(tier_url, good)} for name, good in ACCEPTED.items()}
    assert outcomes == {key: {200} for key in ACCEPTED}


def test_valid_requests_are_served_even_if_sent_byte_by_byte(tier_url: str) -> None:
    outcomes = {name: {each.status for each in exchange(tier_url, *bytes_of(good))} for name, good in ACCEPTED.items()}
    assert outcomes == {key: {200} for key in ACCEPTED}


def test_a_malformed_second_request_gets_400_and_the_connection_closes(tier_url: str) -> None:
    outcomes = {
        name: [
            [each.problem for each in exchange(tier_url, *pieces)][-1:]
            for pieces in ((first + second,), (first, second), bytes_of(first + second))
        ]
        for name, (first, second) in BAD_SECOND_REQUESTS.items()
    }
    assert outcomes == {key: [["bad-request"]] * 3 for key in BAD_SECOND_REQUESTS}


def test_a_connection_serves_one_request_after_another(tier_url: str) -> None:
    with connect(tier_url) as connection:
        connection.sendall(LARGEST_HEAD)
        first = connection.recv(65_536, socket.MSG_PEEK)
        connection.sendall(LARGEST_HEAD + GOOD)
        responses = read_to_end(connection)
    assert first.startswith(b"HTTP/1.1 200 OK")
    assert [each.status for each in responses] == [200, 200, 200]


def test_responses_of_pipelined_requests_are_in_order_when_the_last_fails(tier_url: str) -> None:
    responses = exchange(tier_url, LARGEST_HEAD + BAD_HEADS["two Hosts"] + GOOD)
    assert [each.status for each in responses] == [200, 400]


def test_an_error_response_is_not_cacheable_and_not_executable(tier_url: str) -> None:
    [error] = exchange(tier_url, BAD_HEADS["no Host"])
    assert error.headers["connection"] == "close"
    assert error.headers["cache-control"] == "no-store"
    assert error.headers["content-security-policy"] == "default-src 'none'; frame-ancestors 'none'"
    assert error.headers["x-content-type-options"] == "nosniff"
    assert "server" not in error.headers
