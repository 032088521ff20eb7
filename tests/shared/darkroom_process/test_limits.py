"""Limits per connection: bytes and seconds of a head, idle time, and pipelined requests."""

import contextlib
import json
import uuid
from collections.abc import Iterator

import pytest

from darkroom_process.http_protocol import MAX_PIPELINED, StrictHttpProtocol
from darkroom_process.request_head import MAX_EMPTY_LINES, MAX_HEAD_BYTES
from tests.shared.darkroom_process.raw import connect, exchange, read_to_end
from tests.web.servers import serving
from tests.web.upstream import Upstream
from tests.written_logs import written_logs

MEBIBYTE = b"x" * 1024 * 1024
MAX_PACKET_BYTES = 256 * 1024
"""Bytes that uvloop reads in one call."""


class _Counting(StrictHttpProtocol):
    """Count the bytes that the server has read."""

    received_bytes = 0

    def data_received(self, data: bytes) -> None:
        _Counting.received_bytes += len(data)
        super().data_received(data)


class _Hasty(StrictHttpProtocol):
    max_head_seconds = 0.2


@pytest.fixture(scope="module")
def hasty_url() -> Iterator[str]:
    """A server whose time limits are short enough to end within a test."""
    with serving(Upstream(), http=_Hasty, lifespan="off", loop="uvloop", timeout_keep_alive=0.2) as url:
        yield url


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with serving(Upstream(), lifespan="off", loop="uvloop") as url:
        yield url


def get(path: str, *fields: str) -> bytes:
    return "\r\n".join((f"GET {path} HTTP/1.1", "Host: 127.0.0.1", *fields, "", "")).encode()


def test_a_head_of_64_mib_is_cut_and_other_clients_are_served_meanwhile() -> None:
    with serving(Upstream(), http=_Counting, lifespan="off", loop="uvloop") as url, connect(url) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX: " + b"x" * (MAX_HEAD_BYTES // 2))
        assert [each.status for each in exchange(url, get("/v1/cookies", "Connection: close"))] == [200]
        with contextlib.suppress(OSError):
            for _ in range(64):
                connection.sendall(MEBIBYTE)
        assert [each.problem for each in read_to_end(connection)] == ["head-too-large"]
    assert _Counting.received_bytes < MAX_HEAD_BYTES + 2 * MAX_PACKET_BYTES


@pytest.mark.parametrize("half", [b"G", b"\r\n", b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX: "])
def test_an_incomplete_head_gets_408_and_is_closed(hasty_url: str, half: bytes) -> None:
    assert [each.problem for each in exchange(hasty_url, half)] == ["request-timeout"]


def test_an_incomplete_head_after_a_response_is_closed(hasty_url: str) -> None:
    responses = exchange(hasty_url, get("/v1/cookies") + b"GET /v1/coo")
    assert [each.status for each in responses] == [200, 408]


@pytest.mark.parametrize("host", ["Darkroom-1.example.com:8000", "app_1", "xn--bcher-kva.example.", "192.0.2.1:1"])
def test_a_name_or_an_address_is_a_valid_host(url: str, host: str) -> None:
    sent = f"GET /v1/cookies HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode()
    assert [each.status for each in exchange(url, sent)] == [200]


def test_a_connection_without_a_request_is_closed(hasty_url: str) -> None:
    assert exchange(hasty_url) == []


def test_an_idle_connection_is_closed_after_its_last_response(hasty_url: str) -> None:
    assert [each.status for each in exchange(hasty_url, get("/v1/cookies"))] == [200]


def test_a_body_that_continues_after_the_response_does_not_keep_the_connection(hasty_url: str) -> None:
    with connect(hasty_url) as connection:
        connection.sendall(get("/v1/cookies", "Content-Length: 1000000000"))
        with contextlib.suppress(OSError):
            while True:
                connection.sendall(b"x" * 1000)
        assert [each.status for each in read_to_end(connection)] == [200]


def test_an_endless_chunk_extension_is_cut(url: str) -> None:
    start = get("/v1/echo", "Transfer-Encoding: chunked") + b"1;"
    assert [each.problem for each in exchange(url, start, MEBIBYTE)] == ["head-too-large"]


def test_an_endless_trailer_is_cut(url: str) -> None:
    start = get("/v1/echo", "Transfer-Encoding: chunked") + b"1\r\na\r\n0\r\nX: "
    assert [each.problem for each in exchange(url, start, MEBIBYTE)] == ["head-too-large"]


def test_an_error_waits_for_the_previous_response(url: str) -> None:
    flag = uuid.uuid4().hex
    with connect(url) as connection:
        connection.sendall(get(f"/v1/flag/{flag}") + b"GET * HTTP/1.1\r\n\r\n")
        exchange(url, get(f"/v1/raise/{flag}", "Connection: close"))
        assert [each.status for each in read_to_end(connection)] == [200, 400]


def test_the_error_for_a_malformed_body_waits_for_the_previous_response(url: str) -> None:
    flag = uuid.uuid4().hex
    with connect(url) as connection:
        connection.sendall(get(f"/v1/flag/{flag}") + get("/v1/echo", "Transfer-Encoding: chunked") + b"x\r\n")
        exchange(url, get(f"/v1/raise/{flag}", "Connection: close"))
        assert [each.status for each in read_to_end(connection)] == [200, 400]


def test_a_malformed_body_cancels_its_request(url: str) -> None:
    flag = uuid.uuid4().hex
    responses = exchange(url, get(f"/v1/hang/{flag}", "Transfer-Encoding: chunked"), b"x\r\n")
    assert [each.problem for each in responses] == ["bad-request"]
    assert len(exchange(url, get(f"/v1/flag/{flag}-gone", "Connection: close"))) == 1


def test_the_number_of_pipelined_requests_is_limited(url: str) -> None:
    responses = exchange(url, get("/v1/cookies") * 1000)
    assert [each.status for each in responses] == [200] * (1 + MAX_PIPELINED) + [400]


def test_a_request_behind_very_many_empty_lines_in_chunks_is_refused(url: str) -> None:
    """Such a packet is parsed whole, so that it is cheap; where the request begins is not known."""
    lines = b"\r\n\r\n" * (MAX_EMPTY_LINES + 1)
    body = b"%x\r\n%b\r\n0\r\n\r\n" % (len(lines), lines)
    head = get("/v1/echo", "Transfer-Encoding: chunked")
    assert [each.status for each in exchange(url, head + body + get("/v1/cookies"))] == [200, 400]


def test_bytes_after_a_proposed_upgrade_are_not_parsed_as_a_request(url: str) -> None:
    proposal = get("/v1/cookies", "Connection: upgrade", "Upgrade: h2c")
    assert [each.status for each in exchange(url, proposal + get("/v1/cookies"))] == [200]


def test_an_error_is_one_log_line_without_the_request(url: str) -> None:
    with written_logs() as written:
        exchange(url, get("/canary", "Host: canary"))
    entry = json.loads(written.getvalue())
    assert (entry["event"], entry["status"], entry["level"]) == ("request.refused", 400, "info")
    assert entry["reason"] == "A request must have exactly one valid Host."
    assert "canary" not in written.getvalue()
