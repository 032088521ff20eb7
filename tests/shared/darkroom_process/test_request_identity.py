"""The grammars of `X-Request-Id` and `traceparent`, which web and app share."""

import re

import pytest

from darkroom_process.request_id import request_id_of
from darkroom_process.trace_context import TraceContext

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"


@pytest.mark.parametrize("value", [b"from-web-1", b"req_01M85JFWR8BPF33108WQ2WBFK6", b"1-67891233:a.b", b"x" * 64])
def test_a_well_formed_request_id_is_reused(value: bytes) -> None:
    assert request_id_of([(b"host", b"h"), (b"x-request-id", value)]) == value


@pytest.mark.parametrize("value", [b"", b"short", b"x" * 65, b"with space", b"line\nfeed-1", b"\xfcnicode-1", None])
def test_a_missing_or_malformed_request_id_is_replaced(value: bytes | None) -> None:
    headers = [] if value is None else [(b"x-request-id", value)]
    assert re.fullmatch(rb"req_[0-9A-Z]{26}", request_id_of(headers))
    assert request_id_of(headers) != request_id_of(headers)


@pytest.mark.parametrize(
    ("value", "flags"),
    [
        (f"00-{TRACE}-{SPAN}-00", 0),
        (f"00-{TRACE}-{SPAN}-01", 1),
        (f"00-{TRACE}-{SPAN}-ff", 3),
        (f"01-{TRACE}-{SPAN}-01", 1),
        (f"cc-{TRACE}-{SPAN}-01-what-the-future-will-be", 1),
    ],
)
def test_a_trace_context_is_parsed_and_continued(value: str, flags: int) -> None:
    context = TraceContext.of([(b"traceparent", value.encode())])
    assert context == TraceContext(TRACE, SPAN, flags)
    child = context.child()
    assert (child.trace_id, child.flags, child.span_id != SPAN) == (TRACE, flags, True)
    assert TraceContext.parse(child.header()) == child


@pytest.mark.parametrize(
    "value",
    [
        "",
        "nonsense",
        f"ff-{TRACE}-{SPAN}-01",
        f"00-{TRACE}-{SPAN}-01-more",
        f"cc-{TRACE}-{SPAN}-01.more",
        f"00-{TRACE.upper()}-{SPAN}-01",
        f"00-{'0' * 32}-{SPAN}-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"00-{TRACE[1:]}-{SPAN}-01",
        f"00-{TRACE}-{SPAN}-1",
        f"00-{TRACE}-{SPAN}-01\n",
    ],
)
def test_a_malformed_trace_context_is_none(value: str) -> None:
    assert TraceContext.parse(value.encode()) is None


def test_several_trace_contexts_are_none() -> None:
    header = (b"traceparent", f"00-{TRACE}-{SPAN}-01".encode())
    assert TraceContext.of([header, header]) is None
    assert TraceContext.of([]) is None


def test_a_new_trace_is_sampled_and_well_formed() -> None:
    created = TraceContext.create()
    assert TraceContext.parse(created.header()) == created
    assert created.header().endswith(b"-01")
    assert created.trace_id != TraceContext.create().trace_id
