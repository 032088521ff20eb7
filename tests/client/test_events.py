"""The client's event stream: parsing, resuming and resets."""

from contextlib import aclosing
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from darkroom_client.client import DarkroomClient
from darkroom_client.event_stream import MAX_MESSAGE_BYTES, Message, MessageParser
from darkroom_client.events import Reset, StreamedEvent
from darkroom_shared.events import Event, Progress
from darkroom_shared.problems import EventsGone, Unauthenticated
from tests.client.conftest import ScriptedAccount, random_file

STREAM = (
    b": a comment\n\nid: 7\nevent: item.ready\ndata: {\ndata:  1}\n\n"
    b"event: progress\r\ndata: \xe2\x80\xa8\r\n\r\nid: 8\rdata: x\r\rid: 9\n\nretry: 5\ndata\n\n"
)
MESSAGES = [
    Message("item.ready", "{\n 1}", "7"),
    Message("progress", "\u2028", None),
    Message("message", "x", "8"),
    Message("message", "", None),
]


@given(st.lists(st.integers(0, len(STREAM)), max_size=8).map(sorted))
def test_messages_are_parsed_equally_at_any_chunk_boundaries(cuts: list[int]) -> None:
    parser = MessageParser()
    edges = [0, *cuts, len(STREAM)]
    chunks = [STREAM[begin:end] for begin, end in pairwise(edges)]
    assert [message for chunk in chunks for message in parser.feed(chunk)] == MESSAGES


def test_a_message_without_an_end_is_refused() -> None:
    parser = MessageParser()
    with pytest.raises(ValueError, match="without an end"):
        list(parser.feed(b"x" * (MAX_MESSAGE_BYTES + 1)))


async def test_a_stream_that_is_cut_repeatedly_returns_each_event_once(
    client: DarkroomClient, other_account: ScriptedAccount, tmp_path: Path
) -> None:
    other_account.script(cut_stream_after=2)
    for number in range(3):
        await client.upload(random_file(tmp_path / str(number), 10, seed=number))
    received = await _read(client, after=0, count=6)
    assert [event.number for event in received if isinstance(event, Event)] == [1, 2, 3, 4, 5, 6]
    assert any(isinstance(event, Progress) for event in received)


async def test_a_reset_is_reported_and_the_stream_continues(
    client: DarkroomClient, other_account: ScriptedAccount, tmp_path: Path
) -> None:
    await client.upload(random_file(tmp_path / "a", 10))
    other_account.script(oldest_event=2)
    received: list[StreamedEvent] = []
    async with aclosing(client.events(after=0)) as events:
        async for event in events:
            if isinstance(event, Progress):
                continue
            received.append(event)
            if isinstance(event, Reset):
                await client.upload(random_file(tmp_path / "b", 11))
            if len(received) == 3:
                break
    assert received[0] == Reset(2)
    assert [event.number for event in received[1:] if isinstance(event, Event)] == [3, 4]


async def test_a_session_that_ends_ends_the_stream(client: DarkroomClient, other_account: ScriptedAccount) -> None:
    other_account.script(drop_sessions=True)
    with pytest.raises(Unauthenticated):
        await _read(client, after=0, count=1)


async def test_pages_are_read_in_sequence(
    client: DarkroomClient, other_account: ScriptedAccount, tmp_path: Path
) -> None:
    await client.upload(random_file(tmp_path / "a", 10))
    page = await client.event_page(after=0, limit=1)
    assert ([event.number for event in page.events], page.read_to, page.head) == ([1], 1, 2)
    other_account.script(oldest_event=2)
    with pytest.raises(EventsGone) as caught:
        await client.event_page(after=0)
    assert caught.value.extras == {"oldest": 2, "head": 2}


async def _read(client: DarkroomClient, *, after: int, count: int) -> list[StreamedEvent]:
    """Read the stream until `count` events of the log have been received; return all received messages."""
    received: list[StreamedEvent] = []
    async with aclosing(client.events(after=after)) as events:
        async for event in events:
            received.append(event)
            if sum(isinstance(each, Event) for each in received) == count:
                break
    return received
