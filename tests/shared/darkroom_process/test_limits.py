"""What one connection can cost: bytes and seconds of a head, idle time, and requests that wait in line."""

import contextlib
import uuid
from collections.abc import Iterator

import pytest
from structlog.testing import capture_logs

from shared.darkroom_process.http_protocol import MAX_PIPELINED, StrictHttpProtocol
from shared.darkroom_process.request_head import MAX_HEAD_BYTES
from tests.shared.darkroom_process.raw import connect, exchange, read_to_end
from tests.web.servers import serving
from tests.web.upstream import Upstream

MEBIBYTE = b"x" * 1024 * 1024
LARGEST_PACKET_BYTES = 256 * 1024
"""What uvloop reads at once."""


class _Counting(StrictHttpProtocol):
    """Counts what the server has read."""

    received_bytes = 0

    def data_received(self, data: bytes) -> None:
        _Counting.received_bytes += len(data)
        super().data_received(data)


class _Hasty(StrictHttpProtocol):
    max_head_seconds = 0.2


@pytest.fixture(scope="module")
def hasty_url() -> Iterator[str]:
    """Its limits of time are short, so that they end within a test."""
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
    assert _Counting.received_bytes < MAX_HEAD_BYTES + 2 * LARGEST_PACKET_BYTES


@pytest.mark.parametrize("half", [b"G", b"\r\n", b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX: "])
def test_half_a_head_is_responded_to_with_408_and_closed(hasty_url: str, half: bytes) -> None:
    assert [each.problem for each in exchange(hasty_url, half)] == ["request-timeout"]


def test_half_a_head_after_a_response_is_closed_too(hasty_url: str) -> None:
    responses = exchange(hasty_url, get("/v1/cookies") + b"GET /v1/coo")
    assert [each.status for each in responses] == [200, 408]


def test_a_connection_without_a_request_is_closed(hasty_url: str) -> None:
    assert exchange(hasty_url) == []


def test_a_connection_is_closed_some_time_after_its_last_response(hasty_url: str) -> None:
    assert [each.status for each in exchange(hasty_url, get("/v1/cookies"))] == [200]


def test_a_body_that_goes_on_after_the_response_keeps_no_connection_open(hasty_url: str) -> None:
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


def test_a_malformed_body_waits_for_the_response_to_the_request_before(url: str) -> None:
    flag = uuid.uuid4().hex
    with connect(url) as connection:
        connection.sendall(get(f"/v1/flag/{flag}") + get("/v1/echo", "Transfer-Encoding: chunked") + b"x\r\n")
        exchange(url, get(f"/v1/raise/{flag}", "Connection: close"))
        assert [each.status for each in read_to_end(connection)] == [200, 400]


def test_a_malformed_body_ends_the_work_for_its_request(url: str) -> None:
    flag = uuid.uuid4().hex
    responses = exchange(url, get(f"/v1/hang/{flag}", "Transfer-Encoding: chunked"), b"x\r\n")
    assert [each.problem for each in responses] == ["bad-request"]
    assert len(exchange(url, get(f"/v1/flag/{flag}-gone", "Connection: close"))) == 1


def test_only_so_many_requests_wait_in_line(url: str) -> None:
    responses = exchange(url, get("/v1/cookies") * 1000)
    assert [each.status for each in responses] == [200] * (1 + MAX_PIPELINED) + [400]


def test_bytes_after_a_proposed_upgrade_are_no_request(url: str) -> None:
    proposal = get("/v1/cookies", "Connection: upgrade", "Upgrade: h2c")
    assert [each.status for each in exchange(url, proposal + get("/v1/cookies"))] == [200]


def test_an_error_is_one_log_line_without_the_request(url: str) -> None:
    with capture_logs() as entries:
        exchange(url, get("/canary", "Host: canary"))
    assert [(each["event"], each["status"]) for each in entries] == [("request.refused", 400)]
    assert "canary" not in str(entries)
