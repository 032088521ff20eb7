"""What users do with their photos: view, rename and delete them, in several tabs and browsers at the same time."""

from collections.abc import Awaitable, Callable
from pathlib import Path

from playwright.async_api import Page, expect

from tests.browser.visitor import DEVELOPED_MILLISECONDS, Visitor, drop, expect_images

OpenPage = Callable[[], Awaitable[Visitor]]


async def gallery_of_three(visitor: Visitor, photos: list[Path]) -> Page:
    page = await visitor.register()
    await drop(page, photos[:3])
    await expect_images(page, 3)
    return page


async def test_an_opened_item_shows_its_receipt_and_the_keyboard_moves_to_the_next(
    visitor: Visitor, thirty_photos: list[Path]
) -> None:
    page = await gallery_of_three(visitor, thirty_photos)
    newest, middle, oldest = [item["name"] for item in await visitor.items()]
    await page.locator(".tile-link").first.focus()
    await page.keyboard.press("Enter")
    title = page.locator(".item-title")
    await expect(title).to_have_text(newest)
    await expect(page.locator(".receipt-step").last).to_contain_text("Ready")
    await page.keyboard.press("ArrowRight")
    await expect(title).to_have_text(middle)
    await page.keyboard.press("ArrowRight")
    await expect(title).to_have_text(oldest)
    await page.keyboard.press("ArrowRight")
    await expect(title).to_have_text(oldest)
    await page.keyboard.press("ArrowLeft")
    await expect(title).to_have_text(middle)
    await page.keyboard.press("Escape")
    await expect(page.locator("dialog")).to_have_count(0)
    assert page.url == f"{visitor.url}/"


async def test_an_items_url_opens_it_and_back_returns_to_the_gallery(
    visitor: Visitor, thirty_photos: list[Path]
) -> None:
    page = await gallery_of_three(visitor, thirty_photos)
    await page.get_by_role("link", name=thirty_photos[0].name).click()
    address = page.url
    await page.go_back()
    await expect(page.locator("dialog")).to_have_count(0)
    again = await visitor.open(address.removeprefix(visitor.url))
    await expect(again.locator(".item-title")).to_have_text(thirty_photos[0].name)


async def test_a_caption_changed_in_two_tabs_is_not_overwritten_silently(
    visitor: Visitor, thirty_photos: list[Path]
) -> None:
    first = await gallery_of_three(visitor, thirty_photos)
    await first.locator(".tile-link").first.click()
    second = await visitor.open(first.url.removeprefix(visitor.url))
    await first.get_by_label("Caption").fill("The sea at Ostend")
    await second.get_by_label("Caption").fill("The sea somewhere")
    await first.get_by_role("button", name="Save").click()
    await expect(first.get_by_text("Saved.")).to_be_visible()
    await second.get_by_role("button", name="Save").click()
    await expect(second.get_by_text("Somebody else changed it meanwhile to “The sea at Ostend”.")).to_be_visible()
    visitor.allow("412 PATCH /v1/items/ID")
    await second.get_by_role("button", name="Save").click()
    await expect(second.get_by_text("Saved.")).to_be_visible()
    await expect(first.get_by_label("Caption")).to_have_value("The sea somewhere")


async def test_an_item_deleted_in_one_tab_disappears_in_the_other_over_one_shared_stream(
    visitor: Visitor, thirty_photos: list[Path]
) -> None:
    first = await gallery_of_three(visitor, thirty_photos)
    second = await visitor.open()
    await expect_images(second, 3)
    await second.locator(".tile-link").first.click()
    await second.get_by_role("button", name="Delete").click()
    await second.get_by_role("button", name="Really delete?").click()
    await expect(second.locator("dialog")).to_have_count(0)
    await expect_images(second, 2)
    await expect_images(first, 2)
    await drop(second, thirty_photos[3:5])
    await expect_images(first, 4)
    assert visitor.streams == 1


async def test_another_tab_takes_over_the_stream_without_missing_an_event(
    visitor: Visitor, thirty_photos: list[Path]
) -> None:
    first = await gallery_of_three(visitor, thirty_photos)
    second = await visitor.open()
    await expect_images(second, 3)
    async with second.expect_request(lambda request: request.headers.get("accept") == "text/event-stream"):
        await first.close()
    await drop(second, thirty_photos[3:4])
    await expect_images(second, 4)
    assert visitor.streams == 2


async def test_a_browser_with_an_ended_session_shows_the_sign_in_form(visitor: Visitor, open_page: OpenPage) -> None:
    await visitor.register()
    other = await open_page()
    other.email = visitor.email
    left_open = await other.sign_in()
    page = await visitor.open("/sessions")
    ended = page.locator(".session", has_not_text="this one")
    await ended.get_by_role("button", name="End").click()
    await expect(ended).to_have_count(0)
    await expect(left_open.get_by_role("heading", name="Sign in")).to_be_visible(timeout=DEVELOPED_MILLISECONDS)
    await expect(page.get_by_role("heading", name="Where you are signed in")).to_be_visible()


async def test_nothing_of_an_account_is_left_for_the_next_account_in_the_same_tab(
    visitor: Visitor, thirty_photos: list[Path]
) -> None:
    page = await gallery_of_three(visitor, thirty_photos)
    await page.get_by_role("button", name="Sign out").click()
    visitor.email = f"next-{visitor.email}"
    await page.get_by_role("button", name="Create an account instead").click()
    await visitor.fill_in(page, "Create account")
    await expect(page.get_by_text("Nothing here yet")).to_be_visible()
    await expect(page.locator(".tile")).to_have_count(0)
