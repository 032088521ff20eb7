"""The current release opens the data folder of an earlier release and loses nothing in it."""

import asyncio
import hashlib
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from darkroom_shared.sharing import PROOF_HEADER, SHARE_HEADER
from tests.installation import COMMAND, running_installation
from tests.upgrade.data_folder import MEMBER, OWNER, PASSWORD, SHARE_PASSWORD, Contents, unpack_data

WAIT_SECONDS = 120.0
STATES = {"reprocessed": "ready", "photo": "ready", "video": "ready", "failed": "failed"}


@dataclass(frozen=True, slots=True)
class Upgraded:
    """The current release running on the data of the earlier one."""

    url: str
    folder: Path
    contents: Contents


@pytest.fixture(scope="module")
def upgraded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Upgraded]:
    folder = tmp_path_factory.mktemp("upgraded")
    contents = unpack_data(folder / "data")
    with running_installation(folder) as installation:
        yield Upgraded(installation.url, installation.folder, contents)


@asynccontextmanager
async def signed_in(upgraded: Upgraded, email: str) -> AsyncIterator[httpx.AsyncClient]:
    """Sign in with the password that the account had in the earlier release."""
    async with httpx.AsyncClient(base_url=f"{upgraded.url}/v1", trust_env=False, timeout=60) as http:
        session = await http.post("/sessions", json={"email": email, "password": PASSWORD})
        assert session.status_code == 201, session.text
        http.headers["Authorization"] = f"Bearer {session.json()['token']}"
        yield http


async def read(http: httpx.AsyncClient, path: str, **headers: str) -> Any:
    response = await http.get(path, headers=headers)
    assert response.status_code == 200, response.text
    return response.json()


async def fetch_signed(url: str) -> bytes:
    """Fetch without a session: the signature alone permits it."""
    async with httpx.AsyncClient(trust_env=False, timeout=60) as http:
        response = await http.get(url)
    assert response.status_code == 200, response.text
    return response.content


def digest_of(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


async def test_every_item_has_its_original_and_all_its_files(upgraded: Upgraded) -> None:
    async with signed_in(upgraded, OWNER) as http:
        for name, state in STATES.items():
            item = await read(http, f"/items/{upgraded.contents.items[name]}")
            assert (item["state"], item["digest"]) == (state, upgraded.contents.digests[name])
            original = (await read(http, f"/items/{item['id']}/original"))["url"]
            assert digest_of(await fetch_signed(original)) == upgraded.contents.digests[name]
            for rendition in item["renditions"]:
                assert len(await fetch_signed(rendition["url"])) == rendition["size_bytes"]
            assert bool(item["renditions"]) == (state == "ready")
            steps = [step["step"] for step in (await read(http, f"/items/{item['id']}/receipt"))["steps"]]
            assert steps[0] == "created"
            assert state in steps
        assert (await read(http, f"/items/{upgraded.contents.items['photo']}"))["caption"] == "By the sea"
        assert (await read(http, f"/items/{upgraded.contents.items['video']}"))["playable"]


async def test_what_the_earlier_release_had_queued_becomes_ready(upgraded: Upgraded) -> None:
    async with signed_in(upgraded, OWNER) as http, asyncio.timeout(WAIT_SECONDS):
        while (item := await read(http, f"/items/{upgraded.contents.items['queued']}"))["state"] != "ready":
            assert item["state"] in {"queued", "processing"}
            await asyncio.sleep(0.2)


async def test_a_deleted_item_can_be_restored(upgraded: Upgraded) -> None:
    item = upgraded.contents.items["deleted"]
    async with signed_in(upgraded, OWNER) as http:
        assert item in [each["id"] for each in (await read(http, "/items?deleted=true"))["items"]]
        restored = await http.post(f"/items/{item}/restore")
        assert restored.status_code == 200, restored.text
        original = (await read(http, f"/items/{item}/original"))["url"]
        assert digest_of(await fetch_signed(original)) == upgraded.contents.digests["deleted"]


async def test_the_owner_and_the_member_see_the_album_and_its_comments(upgraded: Upgraded) -> None:
    album, items = upgraded.contents.album, upgraded.contents.items
    for email in (OWNER, MEMBER):
        async with signed_in(upgraded, email) as http:
            assert [each["title"] for each in (await read(http, "/albums"))["albums"]] == ["Autumn", "Summer"]
            listed = (await read(http, f"/albums/{album}/items"))["items"]
            assert {each["item"]["id"] for each in listed} == {items["photo"], items["video"], items["reprocessed"]}
            for rendition in listed[0]["item"]["renditions"]:
                assert await fetch_signed(rendition["url"])
            comments = (await read(http, f"/items/{items['photo']}/comments"))["comments"]
            assert [each["text"] for each in comments] == ["How lovely"]


async def test_share_links_open_with_and_without_their_password(upgraded: Upgraded) -> None:
    opened, locked = upgraded.contents.shares["open"], upgraded.contents.shares["locked"]
    async with httpx.AsyncClient(base_url=f"{upgraded.url}/v1", trust_env=False, timeout=60) as http:
        assert (await read(http, "/shared", **{SHARE_HEADER: opened}))["title"] == "Summer"
        assert len((await read(http, "/shared/items", **{SHARE_HEADER: opened}))["items"]) == 3
        assert (await http.get("/shared", headers={SHARE_HEADER: locked})).status_code == 403
        unlocked = await http.post("/shared/unlock", json={"password": SHARE_PASSWORD}, headers={SHARE_HEADER: locked})
        proof = {SHARE_HEADER: locked, PROOF_HEADER: unlocked.json()["proof"]}
        assert (await read(http, "/shared", **proof))["title"] == "Summer"


async def test_what_the_previous_owner_of_a_transferred_album_opened_is_closed(upgraded: Upgraded) -> None:
    album, item = f"/albums/{upgraded.contents.transferred}", f"/items/{upgraded.contents.items['member']}"
    async with httpx.AsyncClient(base_url=f"{upgraded.url}/v1", trust_env=False, timeout=60) as http:
        link = {SHARE_HEADER: upgraded.contents.shares["transferred"]}
        for path in ("/shared", "/shared/items", item, f"{item}/original"):
            assert (await http.get(path, headers=link)).status_code == 404
    async with signed_in(upgraded, OWNER) as http:
        accepted = await http.post("/invitations/accept", json={"token": upgraded.contents.invitation})
        assert accepted.status_code == 404
        assert (await read(http, album))["role"] == "contributor"
        assert await read(http, item)
        assert [each["original"] for each in (await read(http, f"{album}/items"))["items"]] == [False]
        assert (await http.get(f"{item}/original")).status_code == 404


async def test_the_new_owner_of_a_transferred_album_receives_what_ended(upgraded: Upgraded) -> None:
    album = upgraded.contents.transferred
    async with signed_in(upgraded, MEMBER) as http, asyncio.timeout(WAIT_SECONDS):
        assert (await read(http, f"/albums/{album}/shares"))["shares"] == []
        assert await read(http, f"/items/{upgraded.contents.items['member']}/original")
        revoked: list[str] = []
        while not revoked:
            events = (await read(http, "/events?after=0&limit=100&wait=2"))["events"]
            revoked = [event["data"]["album_id"] for event in events if event["type"] == "share.revoked"]
        assert revoked == [album]


async def test_the_export_the_event_log_and_the_search_still_work(upgraded: Upgraded) -> None:
    async with signed_in(upgraded, OWNER) as http:
        export = await read(http, f"/account/exports/{upgraded.contents.export}")
        assert (export["state"], len(await fetch_signed(export["url"]))) == ("ready", export["size_bytes"])
        events = (await read(http, "/events?after=0&limit=100"))["events"]
        assert [event["number"] for event in events] == list(range(1, len(events) + 1))
        assert {"item.ready", "item.failed", "export.ready", "album.created", "share.created"} <= {
            event["type"] for event in events
        }
        results = (await read(http, "/search?q=photo"))["items"]
        assert upgraded.contents.items["photo"] in [item["id"] for item in results]


async def test_verify_has_no_findings(upgraded: Upgraded) -> None:
    await test_what_the_earlier_release_had_queued_becomes_ready(upgraded)
    done = await asyncio.to_thread(run_verify, upgraded.folder)
    assert (done.returncode, done.stdout) == (0, ""), done.stderr


def run_verify(folder: Path) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(  # noqa: S603  # our own command
        ["env", f"DARKROOM_DATA={folder}", COMMAND, "verify", "--json", "--read"],  # noqa: S607
        capture_output=True,
        text=True,
        timeout=WAIT_SECONDS,
        check=False,
    )
