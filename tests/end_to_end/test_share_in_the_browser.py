"""Share an album by a link with a visitor without an account: password, photos, video and revocation."""

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from playwright.async_api import Page, expect

from tests.browser.sample_videos import phone_video
from tests.browser.visitor import DEVELOPED_MILLISECONDS, Visitor, drop, expect_images

PASSWORD = "lake and hills"
SEND = """([method, path, body]) => fetch('/v1' + path, {
  method, headers: {'Content-Type': 'application/json'}, body: body && JSON.stringify(body),
}).then((response) => (response.status === 204 ? null : response.json()))"""
PLAYS = "() => document.querySelector('video')?.currentTime > 0.3"
IS_TOO_WIDE = "() => document.documentElement.scrollWidth > innerWidth"


async def request_in_page(page: Page, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
    """Send a request with the page's session."""
    return await page.evaluate(SEND, [method, path, body])


async def album_of_three(page: Page, owner: Visitor, files: list[Path]) -> str:
    await drop(page, files)
    await expect_images(page, len(files))
    await expect(page.locator('.tile[data-state="ready"]')).to_have_count(len(files), timeout=DEVELOPED_MILLISECONDS)
    album: str = (await request_in_page(page, "POST", "/albums", {"title": "By the lake", "description": "Two days."}))[
        "id"
    ]
    await request_in_page(page, "POST", f"/albums/{album}/items", {"ids": [item["id"] for item in await owner.items()]})
    return album


async def test_an_album_is_visible_by_its_link_until_the_link_is_revoked(
    visitor: Visitor, open_page: Callable[[], Awaitable[Visitor]], thirty_photos: list[Path], tmp_path: Path
) -> None:
    owners_page = await visitor.register()
    files = [*thirty_photos[:2], phone_video(tmp_path / "lake.mov", 3, "320x180")]
    album = await album_of_three(owners_page, visitor, files)
    made = await request_in_page(owners_page, "POST", f"/albums/{album}/shares", {"password": PASSWORD})
    token, link = made["token"], f"/albums/{album}/shares/{made['share']['id']}"

    invitee = await open_page()
    requested: list[str] = []
    invitee.context.on("request", lambda request: requested.append(request.url.partition("#")[0]))
    page = await invitee.open(f"/s#{token}")
    await page.get_by_label("Password").fill("hills and lake")
    await page.get_by_role("button", name="Open the album").click()
    await expect(page.get_by_text("That is not the password.")).to_be_visible()
    await page.get_by_label("Password").fill(PASSWORD)
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("heading", name="By the lake")).to_be_visible()
    await expect(page.locator(".shared-tile picture[data-loaded]")).to_have_count(3)

    await page.locator('.shared-tile[data-kind="video"] button').click()
    await page.locator(".video-start").click()
    await page.wait_for_function(PLAYS, timeout=DEVELOPED_MILLISECONDS)
    await page.keyboard.press("Escape")
    await page.locator('.shared-tile[data-kind="image"] button').first.click()
    await expect(page.locator("dialog img")).to_be_visible()
    await expect(page.get_by_role("button", name="Download")).to_have_count(0)
    address = page.url
    await page.go_back()
    await expect(page.locator("dialog")).to_have_count(0)

    await request_in_page(owners_page, "PATCH", link, {"download_allowed": True})
    await page.set_viewport_size({"width": 390, "height": 844})
    await page.goto(address)
    await page.reload()  # this tab has the password's proof already
    async with page.expect_download() as download:
        await page.get_by_role("button", name="Download").click()
    assert (await (await download.value).path()).stat().st_size in {file.stat().st_size for file in files}
    await page.keyboard.press("Escape")
    assert not await page.evaluate(IS_TOO_WIDE)

    await request_in_page(owners_page, "DELETE", link)
    await page.reload()
    await expect(page.get_by_role("heading", name="This link no longer works")).to_be_visible()
    assert [url for url in requested if token in url or "password" in url] == []
