"""A user with a browser: their actions on the page, and checks of what the page must not do."""

import asyncio
import re
import sys
import time
from collections import deque
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from playwright.async_api import (
    Browser,
    BrowserContext,
    CDPSession,
    ConsoleMessage,
    Page,
    Request,
    Response,
    async_playwright,
    expect,
)
from playwright.async_api import Error as PlaywrightError

from darkroom_shared.ids import new_ulid

CHROMIUM = Path("/usr/bin/chromium-headless-shell")
WITHOUT_NETLINK = Path(__file__).with_name("chromium-without-netlink")
"""Starts CHROMIUM, which aborts requests whenever the machine's network changes, without a way to notice that."""
OPTIONS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip
PASSWORD = "a long enough password"
VISIBLE_MILLISECONDS = 60_000
"""Default time limit of waits; a slow machine is not a failure of the page."""
DEVELOPED_MILLISECONDS = 120_000
UNLIMITED = -1
ACCOUNT_CHECK = "401 GET /v1/account"
"""The one refusal that every visit causes: the user is not signed in yet."""


@asynccontextmanager
async def running_chromium() -> AsyncIterator[Browser]:
    """Run Debian's Chromium without its windows: half the CPU of the whole browser in headless mode."""
    if not await asyncio.to_thread(CHROMIUM.exists):
        raise AssertionError(
            f"{CHROMIUM} is missing, and the page's tests need it: apt-get install chromium-headless-shell"
        )
    expect.set_options(timeout=VISIBLE_MILLISECONDS)
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=WITHOUT_NETLINK, args=OPTIONS)
        try:
            yield browser
        finally:
            await browser.close()


@dataclass
class Visitor:
    context: BrowserContext
    url: str
    email: str = field(default_factory=lambda: f"{new_ulid().lower()}@example.com")
    errors: list[str] = field(default_factory=list)
    """Errors that a page logged to its console or did not catch."""
    refused: list[str] = field(default_factory=list)
    """Responses with status 400 or above, for example `412 PATCH /v1/items/ID`."""
    sent: list[str] = field(default_factory=list)
    """Uploads to the object store, for example `ITEM` or `ITEM part 2`."""
    streams: int = 0
    """Number of event streams opened."""
    exchanges: "deque[str]" = field(default_factory=lambda: deque(maxlen=60))
    """The last requests and how they ended, which `report` prints."""

    def __post_init__(self) -> None:
        self.context.set_default_timeout(VISIBLE_MILLISECONDS)
        self.context.on("console", self._record)
        self.context.on("weberror", lambda error: self.errors.append(str(error.error)))
        self.context.on("request", self._see_request)
        self.context.on("response", self._see_response)
        self.context.on("requestfinished", lambda request: self._note("finished", request))
        self.context.on("requestfailed", lambda request: self._note(f"failed ({request.failure})", request))

    def _record(self, message: ConsoleMessage) -> None:
        # HTTP refusals are in `refused`; failed connections are intended by the tests of lost connections.
        if message.type == "error" and not message.text.startswith("Failed to load resource"):
            self.errors.append(message.text)

    def _see_request(self, request: Request) -> None:
        self._note("sent", request)
        self.streams += request.headers.get("accept") == "text/event-stream"
        if request.method == "PUT":
            address = urlsplit(request.url)
            part = re.search(r"partNumber=(\d+)", address.query)
            self.sent.append(address.path.rpartition("/")[2] + (f" part {part[1]}" if part else ""))

    def _note(self, event: str, request: Request) -> None:
        self.exchanges.append(f"{time.monotonic():.2f} {event} {request.method} {urlsplit(request.url).path}")

    async def report(self) -> None:
        """Print what each page shows and its last requests; pytest displays it if the test fails."""
        sys.stdout.write("\n".join(self.exchanges))
        for page in self.context.pages:
            with suppress(PlaywrightError):  # the page may be what hangs
                sys.stdout.write(f"\n{page.url}\n{await page.locator('body').inner_text(timeout=5_000)}\n")

    def _see_response(self, response: Response) -> None:
        self._note(f"response {response.status}", response.request)
        if response.status >= 400:
            path = re.sub(r"(itm|ses)_\w+", "ID", urlsplit(response.url).path)
            self.refused.append(f"{response.status} {response.request.method} {path}")

    def allow(self, error: str) -> None:
        """Accept this refusal as an expected part of the test."""
        self.refused = [each for each in self.refused if each != error]

    async def open(self, path: str = "/") -> Page:
        page = await self.context.new_page()
        await page.goto(self.url + path)
        return page

    async def register(self) -> Page:
        """Open a page with the empty gallery of a new account."""
        page = await self.open()
        await page.get_by_role("button", name="Create an account instead").click()
        await self.fill_in(page, "Create account")
        await expect(page.get_by_text("Nothing here yet")).to_be_visible()
        return page

    async def sign_in(self) -> Page:
        page = await self.open()
        await self.fill_in(page, "Sign in")
        await expect(page.locator(".masthead")).to_be_visible()
        return page

    async def fill_in(self, page: Page, button: str) -> None:
        await page.get_by_label("E-mail address").fill(self.email)
        await page.get_by_label("Password").fill(PASSWORD)
        await page.get_by_role("button", name=button, exact=True).click()

    async def items(self) -> list[dict[str, Any]]:
        items: list[dict[str, Any]] = (await self.request("/items?limit=100"))["items"]
        return items

    async def request(self, path: str) -> dict[str, Any]:
        """Return what the service responds to a direct request, without the page."""
        response = await self.context.request.get(f"{self.url}/v1{path}")
        document: dict[str, Any] = await response.json()
        return document


async def drop(page: Page, files: Sequence[Path]) -> None:
    """Drag the files over the page and drop them, with the events that the operating system causes in the browser."""
    session = await page.context.new_cdp_session(page)
    data = {"items": [], "files": [str(file) for file in files], "dragOperationsMask": 1}
    invited = page.get_by_text("Let go to drop them off")

    async def drag(step: str) -> None:
        await session.send("Input.dispatchDragEvent", {"type": step, "x": 200, "y": 300, "data": data})

    await drag("dragEnter")
    async with asyncio.timeout(VISIBLE_MILLISECONDS / 1000):
        while not await invited.is_visible():  # a user would wait for a busy page
            await drag("dragOver")
    await drag("dragOver")
    await drag("drop")
    await session.detach()


class Connection:
    """A page's network, throttled by the test."""

    def __init__(self, session: CDPSession) -> None:
        self._session = session

    @classmethod
    async def of(cls, page: Page) -> "Connection":
        return cls(await page.context.new_cdp_session(page))

    async def limit_uploads(self, bytes_per_second: int) -> None:
        await self._set(uploadThroughput=bytes_per_second)

    async def limit_downloads(self, bytes_per_second: int) -> None:
        await self._set(downloadThroughput=bytes_per_second)

    async def cut(self) -> None:
        await self._set(offline=True)

    async def restore(self) -> None:
        await self._set()

    async def _set(self, **changes: int) -> None:
        free = {"offline": False, "latency": 0, "downloadThroughput": UNLIMITED, "uploadThroughput": UNLIMITED}
        await self._session.send("Network.emulateNetworkConditions", free | changes)


async def expect_images(page: Page, count: int) -> None:
    """Wait until this number of tiles show their image."""
    await expect(page.locator(".tile picture[data-loaded]")).to_have_count(count, timeout=DEVELOPED_MILLISECONDS)
