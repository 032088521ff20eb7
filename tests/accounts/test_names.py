"""Names, which other accounts see instead of the email address."""

from tests.accounts.accounts_api import AccountsApi


async def test_the_default_name_is_the_part_of_the_address_before_the_at(accounts_api: AccountsApi) -> None:
    signed_in = await accounts_api.register_and_sign_in()
    account = (await accounts_api.http.get("/account", headers=signed_in["headers"])).json()

    assert account["name"] == account["email"].partition("@")[0]


async def test_a_new_account_name_is_visible_immediately(accounts_api: AccountsApi) -> None:
    signed_in = await accounts_api.register_and_sign_in()

    async def named(body: object) -> tuple[int, str]:
        response = await accounts_api.http.patch("/account", json=body, headers=signed_in["headers"])
        result = (await accounts_api.http.get("/account", headers=signed_in["headers"])).json()
        return response.status_code, result["name"]

    assert await named({"name": "  Ada 🌞 "}) == (200, "Ada 🌞")
    for wrong in ({"name": " "}, {"name": "x" * 101}, {"name": "a\nb"}, {}, {"email": "new@example.org"}):
        assert await named(wrong) == (422, "Ada 🌞")
    assert await named({"name": None}) == (200, signed_in["account"]["email"].partition("@")[0])
