"""For each route that changes something, a request that succeeds, by an account of its own."""

from collections.abc import Callable

from darkroom_shared.albums import Role
from darkroom_shared.ids import new_ulid
from darkroom_shared.uploads import SINGLE_PUT_BYTES
from tests.api import PASSWORD
from tests.app.after_commit import Preparation, Prepare, Request

PREPARATIONS: dict[str, Prepare] = {}
"""By method and path."""


def _route(name: str) -> Callable[[Prepare], Prepare]:
    def register(prepare: Prepare) -> Prepare:
        PREPARATIONS[name] = prepare
        return prepare

    return register


@_route("POST /v1/accounts")
async def _register(prepared: Preparation) -> Request:
    return Request(prepared.owner, "accounts", {"email": f"{new_ulid().lower()}@example.org", "password": PASSWORD})


@_route("PATCH /v1/account")
async def _rename(prepared: Preparation) -> Request:
    return Request(prepared.owner, "account", {"name": "Ada"})


@_route("DELETE /v1/account")
async def _close(prepared: Preparation) -> Request:
    return Request(prepared.owner, "account", {"password": PASSWORD})


@_route("POST /v1/sessions")
async def _sign_in(prepared: Preparation) -> Request:
    await prepared.sharing.once_more(prepared.owner)  # replaces the tests' cheap hash, which is a change of its own
    return Request(
        prepared.owner, "sessions", {"email": (await prepared.owner.get("account"))["email"], "password": PASSWORD}
    )


@_route("DELETE /v1/sessions")
async def _end_all_sessions(prepared: Preparation) -> Request:
    return Request(prepared.owner, "sessions")


@_route("DELETE /v1/sessions/current")
async def _sign_out(prepared: Preparation) -> Request:
    return Request(prepared.owner, "sessions/current")


@_route("DELETE /v1/sessions/{session}")
async def _end_session(prepared: Preparation) -> Request:
    await prepared.sharing.once_more(prepared.owner)
    other = next(each for each in (await prepared.owner.get("sessions"))["sessions"] if not each["current"])
    return Request(prepared.owner, f"sessions/{other['id']}")


@_route("POST /v1/account/exports")
async def _export(prepared: Preparation) -> Request:
    return Request(prepared.owner, "account/exports")


@_route("POST /v1/items")
async def _create_item(prepared: Preparation) -> Request:
    body = {"name": "a.jpg", "size_bytes": 1, "content_type": "image/jpeg", "digest": f"sha256:{'0' * 64}"}
    return Request(prepared.owner, "items", body)


@_route("PATCH /v1/items/{item}")
async def _edit_item(prepared: Preparation) -> Request:
    return Request(prepared.owner, f"items/{await prepared.owner.photo()}", {"caption": "In the hills"})


@_route("DELETE /v1/items/{item}")
async def _delete_item(prepared: Preparation) -> Request:
    return Request(prepared.owner, f"items/{await prepared.owner.photo()}")


@_route("POST /v1/items/{item}/parts")
async def _presign_parts(prepared: Preparation) -> Request:
    body = {"name": "a.mp4", "size_bytes": SINGLE_PUT_BYTES + 1, "content_type": "video/mp4"}
    item = (await prepared.owner.post("items", body))["item"]["id"]
    return Request(prepared.owner, f"items/{item}/parts", {"parts": [{"number": 1, "sha256": "0" * 64}]})


@_route("POST /v1/items/{item}/complete")
async def _complete(prepared: Preparation) -> Request:
    row, upload = await prepared.owner.worker.create(content := new_ulid().encode())
    await prepared.owner.worker.put(upload, content)
    return Request(prepared.owner, f"items/{row.item_id}/complete")


@_route("POST /v1/items/{item}/cancel")
async def _cancel(prepared: Preparation) -> Request:
    return Request(prepared.owner, f"items/{await prepared.queued()}/cancel")


@_route("POST /v1/items/{item}/retry")
async def _retry(prepared: Preparation) -> Request:
    item = await prepared.queued()
    await prepared.owner.post(f"items/{item}/cancel", None)
    return Request(prepared.owner, f"items/{item}/retry")


@_route("POST /v1/items/delete")
async def _delete_items(prepared: Preparation) -> Request:
    return Request(prepared.owner, "items/delete", {"ids": [await prepared.owner.photo()]})


@_route("POST /v1/items/{item}/restore")
async def _restore(prepared: Preparation) -> Request:
    item = await prepared.owner.photo()
    await prepared.owner.request("DELETE", f"items/{item}")
    return Request(prepared.owner, f"items/{item}/restore")


@_route("POST /v1/items/{item}/comments")
async def _write_comment(prepared: Preparation) -> Request:
    return Request(prepared.owner, f"items/{await prepared.owner.photo()}/comments", {"text": "Hello"})


@_route("PATCH /v1/items/{item}/comments/{comment}")
async def _edit_comment(prepared: Preparation) -> Request:
    return Request(prepared.owner, await prepared.comment(), {"text": "Hello again"})


@_route("DELETE /v1/items/{item}/comments/{comment}")
async def _remove_comment(prepared: Preparation) -> Request:
    return Request(prepared.owner, await prepared.comment())


@_route("POST /v1/comments/read")
async def _mark_comments_read(prepared: Preparation) -> Request:
    path = await prepared.comment()
    return Request(prepared.owner, "comments/read", {"up_to": path.rpartition("/")[2]})


@_route("POST /v1/albums")
async def _create_album(prepared: Preparation) -> Request:
    return Request(prepared.owner, "albums", {"title": "Summer"})


@_route("PATCH /v1/albums/{album}")
async def _edit_album(prepared: Preparation) -> Request:
    return Request(prepared.owner, f"albums/{await prepared.owner.album()}", {"title": "Winter"})


@_route("DELETE /v1/albums/{album}")
async def _delete_album(prepared: Preparation) -> Request:
    return Request(prepared.owner, f"albums/{await prepared.owner.album(await prepared.owner.photo())}")


@_route("POST /v1/albums/{album}/items")
async def _add_items(prepared: Preparation) -> Request:
    return Request(
        prepared.owner, f"albums/{await prepared.owner.album()}/items", {"ids": [await prepared.owner.photo()]}
    )


@_route("POST /v1/albums/{album}/items/remove")
async def _remove_items(prepared: Preparation) -> Request:
    item = await prepared.owner.photo()
    return Request(prepared.owner, f"albums/{await prepared.owner.album(item)}/items/remove", {"ids": [item]})


@_route("POST /v1/albums/{album}/items/move")
async def _move_items(prepared: Preparation) -> Request:
    first, second = await prepared.owner.photo(), await prepared.owner.photo()
    album = await prepared.owner.album(first, second)
    return Request(prepared.owner, f"albums/{album}/items/move", {"ids": [first], "after": second})


@_route("PATCH /v1/albums/{album}/members/{account}")
async def _give_role(prepared: Preparation) -> Request:
    album, member = await prepared.shared_album()
    return Request(prepared.owner, f"albums/{album}/members/{member.account}", {"role": Role.CONTRIBUTOR})


@_route("DELETE /v1/albums/{album}/members/{account}")
async def _leave(prepared: Preparation) -> Request:
    album, member = await prepared.shared_album()
    return Request(member, f"albums/{album}/members/{member.account}")


@_route("POST /v1/albums/{album}/transfer")
async def _offer_album(prepared: Preparation) -> Request:
    album, member = await prepared.shared_album()
    return Request(prepared.owner, f"albums/{album}/transfer", {"account_id": member.account})


@_route("DELETE /v1/albums/{album}/transfer")
async def _withdraw_offer(prepared: Preparation) -> Request:
    album, _ = await prepared.offered_album()
    return Request(prepared.owner, f"albums/{album}/transfer")


@_route("POST /v1/albums/{album}/transfer/accept")
async def _accept_offer(prepared: Preparation) -> Request:
    album, member = await prepared.offered_album()
    return Request(member, f"albums/{album}/transfer/accept")


@_route("POST /v1/albums/{album}/invitations")
async def _invite(prepared: Preparation) -> Request:
    return Request(prepared.owner, f"albums/{await prepared.owner.album()}/invitations", {"role": Role.VIEWER})


@_route("DELETE /v1/albums/{album}/invitations/{invitation}")
async def _withdraw_invitation(prepared: Preparation) -> Request:
    album = await prepared.owner.album()
    invited = await prepared.owner.post(f"albums/{album}/invitations", {"role": Role.VIEWER})
    return Request(prepared.owner, f"albums/{album}/invitations/{invited['invitation']['id']}")


@_route("POST /v1/invitations/accept")
async def _accept_invitation(prepared: Preparation) -> Request:
    invited = await prepared.owner.post(f"albums/{await prepared.owner.album()}/invitations", {"role": Role.VIEWER})
    return Request(await prepared.sharing.user(), "invitations/accept", {"token": invited["token"]})


@_route("POST /v1/albums/{album}/shares")
async def _create_link(prepared: Preparation) -> Request:
    return Request(prepared.owner, f"albums/{await prepared.owner.album()}/shares", {})


@_route("PATCH /v1/albums/{album}/shares/{share}")
async def _edit_link(prepared: Preparation) -> Request:
    album = await prepared.owner.album()
    link = await prepared.owner.share(album)
    return Request(prepared.owner, f"albums/{album}/shares/{link.id}", {"label": "For the family"})


@_route("DELETE /v1/albums/{album}/shares/{share}")
async def _revoke_link(prepared: Preparation) -> Request:
    album = await prepared.owner.album()
    link = await prepared.owner.share(album)
    return Request(prepared.owner, f"albums/{album}/shares/{link.id}")


@_route("POST /v1/shared/unlock")
async def _unlock(prepared: Preparation) -> Request:
    link = await prepared.owner.share(await prepared.owner.album(), password=PASSWORD)
    return Request(link, "shared/unlock", {"password": PASSWORD})
