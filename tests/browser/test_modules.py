"""The page's modules by themselves, run where they run: in the browser."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from playwright.async_api import Page

from tests.browser.visitor import Visitor

Modules = Callable[[str, str, Any], Awaitable[Any]]

STREAM = (
    'id: 7\nevent: item.ready\ndata: {"number": 7}\n\n: still here\n\nevent: progress\r\ndata: {"percent":\r\n'
    'data: 50}\r\n\r\nevent: reset\ndata: {"head": 9}\n\n'
)
EVENTS = [
    {"type": "item.ready", "data": '{"number": 7}'},
    {"type": "progress", "data": '{"percent":\n50}'},
    {"type": "reset", "data": '{"head": 9}'},
]


@pytest.fixture
async def modules(someone: Visitor) -> Modules:
    """`await modules("live.js", "(module, argument) => …", argument)`."""
    page: Page = await someone.open()

    async def call(name: str, function: str, argument: Any) -> Any:
        folder = await page.locator("script[type=module]").evaluate("script => script.src.replace('app.js', '')")
        source = f"async ([url, argument]) => ({function})(await import(url), argument)"
        return await page.evaluate(source, [folder + name, argument])

    return call


@pytest.mark.parametrize("text", ["", "AA==", "not base64!"])
async def test_what_is_no_placeholder_is_none(modules: Modules, text: str) -> None:
    assert await modules("thumbhash.js", "(module, text) => module.placeholderCanvas(text)", text) is None


async def test_events_are_read_alike_however_the_stream_is_cut(modules: Modules) -> None:
    """One character at a time, at every single place, and as a whole."""
    heard = await modules(
        "live.js",
        """(module, stream) => {
          const read = (pieces) => {
            const events = [];
            const parse = module.eventParser((event) => events.push(event));
            pieces.forEach(parse);
            return events;
          };
          const halves = [...stream].map((_, at) => read([stream.slice(0, at), stream.slice(at)]));
          return [read([...stream]), ...halves];
        }""",
        STREAM,
    )
    assert len(heard) == len(STREAM) + 1
    assert all(events == EVENTS for events in heard)


async def test_slots_are_given_in_turn_and_none_is_lost_to_whoever_gave_up(modules: Modules) -> None:
    done = await modules(
        "slots.js",
        """async (module) => {
          const slots = new module.Slots(2);
          const done = [];
          let running = 0;
          const stopper = new AbortController();
          const never = new AbortController().signal;
          const use = (name, signal = never) => slots.use(signal, async () => {
            running += 1;
            await new Promise((resolve) => setTimeout(resolve, 1));
            done.push([name, running]);
            running -= 1;
            if (name === 'b') throw new Error('b fails');
          }).catch((error) => done.push([name, error.message]));
          const all = ['a', 'b'].map((name) => use(name));
          const leaving = use('c', stopper.signal);
          all.push(leaving, use('d'), use('e'));
          stopper.abort(new Error('left'));
          await Promise.all(all);
          return done;
        }""",
        None,
    )
    assert [each for each in done if isinstance(each[1], str)] == [["c", "left"], ["b", "b fails"]]
    assert [name for name, running in done if isinstance(running, int)] == ["a", "b", "d", "e"]
    assert all(running <= 2 for _, running in done if isinstance(running, int))
