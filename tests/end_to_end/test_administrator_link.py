"""The first administrator of an installation with closed registration, from the link to the library."""

from pathlib import Path

from playwright.async_api import Browser, expect

from tests.browser.visitor import ACCOUNT_CHECK, Visitor
from tests.end_to_end.operator import admin
from tests.installation import running_installation

TITLE = "Create the administrator account"
REFUSED = "403 POST /v1/accounts"


async def test_a_link_makes_the_first_administrator_and_no_other_account(chromium: Browser, tmp_path: Path) -> None:
    with running_installation(tmp_path, DARKROOM_REGISTRATION="closed") as installation:
        visitor = Visitor(await chromium.new_context(locale="en-GB"), installation.url)
        page = await visitor.open()
        await expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
        link = (await admin(installation, "administrator-link", "--url", installation.url)).strip()

        await page.goto(link)  # on an open page this changes only the part after `#`
        await expect(page.get_by_role("heading", name=TITLE)).to_be_visible()
        assert page.url == f"{installation.url}/", "the token leaves the address"
        await visitor.fill_in(page, "Create account")
        await expect(page.get_by_text("Nothing here yet")).to_be_visible()
        assert (await visitor.request("/account"))["administrator"] is True
        await page.close()

        late = await visitor.open(link.removeprefix(installation.url))
        await visitor.fill_in(late, "Create account")
        await expect(late.get_by_text("This link makes no account any more")).to_be_visible()
        await late.get_by_role("button", name="Sign in instead").click()
        await visitor.fill_in(late, "Sign in")
        await expect(late.locator(".masthead")).to_be_visible()
        await visitor.context.close()

    assert set(visitor.refused) == {ACCOUNT_CHECK, REFUSED}
    assert visitor.errors == []
    logs = {log.stem: log.read_text(errors="replace") for log in (installation.folder / "logs").iterdir()}
    token = link.partition("=")[2]
    assert [name for name, text in logs.items() if token in text] == []
    assert logs["app"].count('"administrator.missing"') == 1
