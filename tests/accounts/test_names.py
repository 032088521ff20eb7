"""Names: what others see of an account instead of its address."""

from tests.accounts.front_door import FrontDoor


async def test_a_name_is_at_first_the_addresss_part_before_the_at(door: FrontDoor) -> None:
    signed_in = await door.register_and_sign_in()
    account = (await door.http.get("/account", headers=signed_in["headers"])).json()

    assert account["name"] == account["email"].partition("@")[0]


async def test_whoever_names_the_account_sees_it_at_once(door: FrontDoor) -> None:
    signed_in = await door.register_and_sign_in()

    async def named(body: object) -> tuple[int, str]:
        answer = await door.http.patch("/account", json=body, headers=signed_in["headers"])
        shown = (await door.http.get("/account", headers=signed_in["headers"])).json()
        return answer.status_code, shown["name"]

    assert await named({"name": "  Ada 🌞 "}) == (200, "Ada 🌞")
    for wrong in ({"name": " "}, {"name": "x" * 101}, {"name": "a\nb"}, {}, {"email": "new@example.org"}):
        assert await named(wrong) == (422, "Ada 🌞")
    assert await named({"name": None}) == (200, signed_in["account"]["email"].partition("@")[0])
