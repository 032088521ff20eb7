"""The page of deleted items: each can be restored or purged."""

from playwright.async_api import expect

from tests.browser.conftest import MakeItem
from tests.browser.scripted_service import ScriptedService
from tests.browser.visitor import Visitor


async def test_a_deleted_photo_can_be_restored_to_the_gallery(
    visitor: Visitor, api: ScriptedService, make_ready: MakeItem
) -> None:
    item = make_ready("lake.jpg")
    api.deleted[item.id] = api.items.pop(item.id)
    page = await visitor.open()
    await expect(page.get_by_text("Nothing here yet")).to_be_visible()
    await page.get_by_role("link", name="Deleted items").click()
    await expect(page.locator(".trash-item")).to_contain_text("lake.jpg")
    await page.get_by_role("button", name="Restore").click()
    await expect(page.get_by_text("can be restored for 30 days")).to_be_visible()
    await page.get_by_role("link", name="Darkroom, to the gallery").click()
    await expect(page.locator(f'[data-item="{item.id}"]')).to_be_visible()


async def test_purging_requires_a_confirmation(visitor: Visitor, api: ScriptedService, make_ready: MakeItem) -> None:
    item = make_ready()
    api.deleted[item.id] = api.items.pop(item.id)
    page = await visitor.open()
    await page.goto(f"{visitor.url}/deleted")
    await page.get_by_role("button", name="Delete for good").click()
    await expect(page.locator(".trash-item")).to_have_count(1)
    await page.get_by_role("button", name="Really for good?").click()
    await expect(page.locator(".trash-item")).to_have_count(0)
    assert api.deleted == {}
