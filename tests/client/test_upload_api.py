"""Uploads through the Python API: single PUT and multipart, resumption, and refusals with their reasons."""

import asyncio
import hashlib
import os
from pathlib import Path
from typing import Any

import pytest

from darkroom_client.client import DarkroomClient
from darkroom_client.errors import FileChanged, NotReachable, TransferRefused, UnusableFile, UploadGone
from darkroom_client.uploads import Stage, UploadProgress
from darkroom_shared.ids import ItemId
from darkroom_shared.items import ItemState
from darkroom_shared.problems import QuotaExceeded, Unavailable
from darkroom_shared.uploads import MEBIBYTE, parts_digest
from tests.client.conftest import ScriptedAccount, random_file

PARTS = 40 * MEBIBYTE
"""Three parts: 16, 16 and 8 MiB."""


def puts(account: ScriptedAccount) -> list[dict[str, Any]]:
    matches: list[dict[str, Any]] = account.record()["puts"]
    return matches


async def test_a_small_file_is_sent_in_one_put(
    client: DarkroomClient, other_account: ScriptedAccount, tmp_path: Path
) -> None:
    photo = random_file(tmp_path / "a.webp", 3 * MEBIBYTE + 1)
    uploaded = await client.upload(photo, caption="At the lake")
    assert (uploaded.item.state, uploaded.duplicate, uploaded.sent_bytes) == (ItemState.QUEUED, False, 3 * MEBIBYTE + 1)
    assert (uploaded.item.caption, uploaded.item.content_type) == ("At the lake", "image/webp")
    assert uploaded.item.digest == f"sha256:{hashlib.sha256(photo.read_bytes()).hexdigest()}"
    assert [put["part"] for put in puts(other_account)] == [0]


async def test_a_large_file_is_sent_in_parts(
    client: DarkroomClient, other_account: ScriptedAccount, tmp_path: Path
) -> None:
    video = random_file(tmp_path / "film.mp4", PARTS)
    uploaded = await client.upload(video)
    content = video.read_bytes()
    digests = [hashlib.sha256(content[at : at + 16 * MEBIBYTE]).hexdigest() for at in range(0, PARTS, 16 * MEBIBYTE)]
    assert uploaded.item.digest == parts_digest(digests)
    assert sorted(put["part"] for put in puts(other_account)) == [1, 2, 3]


async def test_a_duplicate_of_a_stored_item_is_not_sent_again(
    client: DarkroomClient, other_account: ScriptedAccount, tmp_path: Path
) -> None:
    for size_bytes in (1_000, PARTS):
        first = await client.upload(random_file(tmp_path / "first", size_bytes))
        again = await client.upload(random_file(tmp_path / "under another name", size_bytes))
        assert (again.duplicate, again.sent_bytes, again.item.id) == (True, 0, first.item.id)
    assert len(puts(other_account)) == 1 + 3


async def test_progress_reports_hashing_then_sending(client: DarkroomClient, tmp_path: Path) -> None:
    received: list[UploadProgress] = []
    await client.upload(random_file(tmp_path / "film.mp4", PARTS), on_progress=received.append)
    assert [each.stage for each in received] == sorted(each.stage for each in received)
    sending = [each for each in received if each.stage is Stage.SENDING]
    assert (sending[0].done_bytes, sending[-1].done_bytes) == (0, PARTS)
    assert all(each.item_id for each in sending)


async def test_a_cut_connection_repeats_only_the_part_in_flight(
    client: DarkroomClient, other_account: ScriptedAccount, tmp_path: Path
) -> None:
    other_account.script(cut_puts=[1, 5 * MEBIBYTE, 8 * MEBIBYTE - 1])
    uploaded = await client.upload(random_file(tmp_path / "film.mp4", PARTS))
    assert uploaded.item.state is ItemState.QUEUED
    assert len(puts(other_account)) == 6
    assert not any(put["known"] for put in puts(other_account))


async def test_a_part_with_a_dropped_response_is_not_sent_again(
    client: DarkroomClient, other_account: ScriptedAccount, tmp_path: Path
) -> None:
    other_account.script(dropped_puts=2)
    assert (await client.upload(random_file(tmp_path / "film.mp4", PARTS))).item.state is ItemState.QUEUED
    assert len(puts(other_account)) == 3


@pytest.mark.parametrize("script", ["refuse_links", "expire_links"])
async def test_an_expired_upload_url_is_requested_again(
    client: DarkroomClient, other_account: ScriptedAccount, tmp_path: Path, script: str
) -> None:
    for size_bytes in (1_000, PARTS):
        other_account.script(**{script: 2})
        assert (await client.upload(random_file(tmp_path / str(size_bytes), size_bytes))).item.state is ItemState.QUEUED


async def test_upload_urls_that_never_work_raise_an_error(
    client: DarkroomClient, other_account: ScriptedAccount, tmp_path: Path
) -> None:
    other_account.script(refuse_links=100)
    with pytest.raises(TransferRefused):
        await client.upload(random_file(tmp_path / "a", 10))


async def test_a_busy_service_is_retried_after_its_retry_after(
    client: DarkroomClient, other_account: ScriptedAccount, tmp_path: Path
) -> None:
    busy = {"request": "POST /v1/items", "status": 503, "headers": {"Retry-After": "1"}}
    problem = {"type": "urn:darkroom:problem:unavailable", "title": "Busy"}
    other_account.script(responses=[busy, busy | {"body": problem}])
    await client.upload(random_file(tmp_path / "a", 10))
    keys = [each["key"] for each in other_account.record()["requests"] if each["request"] == "POST /v1/items"]
    assert len(keys) == 3
    assert len(set(keys)) == 1


@pytest.mark.parametrize("status", [502, 503, 504])
async def test_a_load_balancers_own_error_is_retried(
    client: DarkroomClient, other_account: ScriptedAccount, tmp_path: Path, status: int
) -> None:
    page = f"<html><head><title>{status}</title></head><body><center><h1>{status}</h1></center></body></html>"
    own = {"status": status, "headers": {"content-type": "text/html"}, "body": page}
    requests = ["POST /v1/items", "GET /v1/account"]
    other_account.script(responses=[own | {"request": request} for request in requests for _ in range(2)])
    uploaded = await client.upload(random_file(tmp_path / str(status), 10))
    assert uploaded.item.state is ItemState.QUEUED
    assert len(other_account.record()["states"]) == 1


async def test_a_dropped_response_creates_no_second_item(
    client: DarkroomClient, other_account: ScriptedAccount, tmp_path: Path
) -> None:
    other_account.script(responses=[{"request": "POST /v1/items", "lost": True}])
    await client.upload(random_file(tmp_path / "a", 10))
    assert len(other_account.record()["states"]) == 1


async def test_a_request_without_a_key_is_not_repeated(client: DarkroomClient, other_account: ScriptedAccount) -> None:
    busy = {"type": "urn:darkroom:problem:unavailable"}
    item = ItemId("itm_01ARZ3NDEKTSV4RRFFQ69G5FAV")
    other_account.script(responses=[{"request": f"DELETE /v1/items/{item}", "status": 503, "body": busy}])
    with pytest.raises(Unavailable):
        await client.items.delete(item)
    assert [each["request"] for each in other_account.record()["requests"]] == [f"DELETE /v1/items/{item}"]


async def test_problems_keep_their_class_and_their_extra_members(
    client: DarkroomClient, other_account: ScriptedAccount, tmp_path: Path
) -> None:
    full = {"type": "urn:darkroom:problem:quota-exceeded", "status": 413, "detail": "No room.", "free_bytes": 7}
    other_account.script(responses=[{"request": "POST /v1/items", "status": 413, "body": full}])
    with pytest.raises(QuotaExceeded, match="No room") as caught:
        await client.upload(random_file(tmp_path / "a", 10))
    assert caught.value.extras == {"free_bytes": 7}


async def test_an_unreachable_service_is_reported_in_plain_words(other_account: ScriptedAccount) -> None:
    async with DarkroomClient("http://127.0.0.1:9") as client:
        with pytest.raises(NotReachable, match="cannot be reached"):
            await client.sessions.sign_in(other_account.email, "whatever it is")


@pytest.mark.parametrize("without_journal", [False, True])
async def test_an_interrupted_upload_resumes_with_the_missing_parts(
    client: DarkroomClient, other_account: ScriptedAccount, tmp_path: Path, without_journal: bool
) -> None:
    video = random_file(tmp_path / "film.mp4", PARTS)
    gone = {"type": "urn:darkroom:problem:quota-exceeded"}
    item = await _interrupted(client, other_account, video, gone)
    journal = tmp_path / "other journal" if without_journal else other_account.home / "uploads.sqlite3"
    async with DarkroomClient(client.url, journal=journal) as other:
        await other.sessions.sign_in(other_account.email, "correct horse battery")
        uploaded = await other.upload(video)
    assert (uploaded.item.id, uploaded.sent_bytes) == (item, 0)
    assert len(puts(other_account)) == 3


async def test_another_file_of_the_same_name_and_size_gets_its_own_item(
    client: DarkroomClient, other_account: ScriptedAccount, tmp_path: Path
) -> None:
    gone = {"type": "urn:darkroom:problem:quota-exceeded"}
    item = await _interrupted(client, other_account, random_file(tmp_path / "one" / "film.mp4", PARTS), gone)
    uploaded = await client.upload(random_file(tmp_path / "two" / "film.mp4", PARTS, seed=2))
    assert uploaded.item.id != item
    assert uploaded.sent_bytes == PARTS


async def test_an_interrupted_small_upload_resumes_with_the_same_item(
    client: DarkroomClient, other_account: ScriptedAccount, tmp_path: Path
) -> None:
    photo = random_file(tmp_path / "a.jpg", 1_000)
    item = await _interrupted(client, other_account, photo, {"type": "urn:darkroom:problem:quota-exceeded"})
    assert (await client.upload(photo)).item.id == item
    assert len(other_account.record()["states"]) == 1


async def test_another_caption_creates_another_item(
    client: DarkroomClient, other_account: ScriptedAccount, tmp_path: Path
) -> None:
    photo = random_file(tmp_path / "a.jpg", 1_000)
    item = await _interrupted(client, other_account, photo, {"type": "urn:darkroom:problem:quota-exceeded"})
    uploaded = await client.upload(photo, caption="A better one")
    assert uploaded.item.id != item
    assert uploaded.item.caption == "A better one"


async def test_an_upload_that_was_cancelled_elsewhere_is_not_restarted(
    client: DarkroomClient, other_account: ScriptedAccount, tmp_path: Path
) -> None:
    video = random_file(tmp_path / "film.mp4", PARTS)
    cancelled: list[ItemId] = []
    other_account.script(cut_puts=[10, 10, 10, 10])

    async def cancel(item_id: ItemId) -> None:
        await client.items.cancel(item_id)

    def on_progress(progress: UploadProgress) -> None:
        if progress.item_id and not cancelled:
            cancelled.append(progress.item_id)
            tasks.append(asyncio.ensure_future(cancel(progress.item_id)))

    tasks: list[Any] = []
    with pytest.raises(UploadGone, match="cancelled"):
        await client.upload(video, on_progress=on_progress)
    await tasks[0]


async def test_a_file_that_changes_is_refused_and_leaves_nothing_behind(
    client: DarkroomClient, other_account: ScriptedAccount, tmp_path: Path
) -> None:
    for size_bytes in (MEBIBYTE, PARTS):
        file = random_file(tmp_path / str(size_bytes), size_bytes)

        def change(progress: UploadProgress, file: Path = file) -> None:
            if progress.stage is Stage.SENDING and progress.done_bytes == 0:
                with file.open("r+b") as opened:
                    opened.seek(-1, 2)
                    opened.write(b"!")

        with pytest.raises(FileChanged, match="changed while"):
            await client.upload(file, on_progress=change)
    assert set(other_account.record()["states"].values()) == {"cancelled"}


async def test_a_file_that_shrinks_is_refused(client: DarkroomClient, tmp_path: Path) -> None:
    file = random_file(tmp_path / "a", PARTS)

    def cut(progress: UploadProgress) -> None:
        if progress.stage is Stage.SENDING and progress.done_bytes == 0:
            with file.open("r+b") as opened:
                opened.truncate(100)

    with pytest.raises(FileChanged):
        await client.upload(file, on_progress=cut)


async def test_an_unusable_file_is_refused_before_any_request(
    client: DarkroomClient, other_account: ScriptedAccount, tmp_path: Path
) -> None:
    (tmp_path / "empty").touch()
    (tmp_path / "huge").touch()
    with (tmp_path / "huge").open("r+b") as huge:
        huge.truncate(20 * 1024 * MEBIBYTE + 1)
    os.mkfifo(tmp_path / "pipe")
    reasons = {
        "empty": "is empty",
        "huge": "20 GiB",
        "pipe": "not a regular",
        "absent": "No such file",
        ".": "is a folder",
    }
    for name, reason in reasons.items():
        with pytest.raises(UnusableFile, match=reason):
            await client.upload(tmp_path / name)
    assert puts(other_account) == []


async def _interrupted(client: DarkroomClient, account: ScriptedAccount, file: Path, problem: dict[str, str]) -> ItemId:
    """Send all bytes and let the last request fail, so that the item stays in `uploading`."""
    received: list[UploadProgress] = []
    completions = [{"request": "", "status": 413, "body": problem}]

    def on_progress(progress: UploadProgress) -> None:
        received.append(progress)
        if progress.item_id and not completions[0]["request"]:
            completions[0]["request"] = f"POST /v1/items/{progress.item_id}/complete"
            account.script(responses=completions)

    with pytest.raises(QuotaExceeded):
        await client.upload(file, on_progress=on_progress)
    item_id = received[-1].item_id
    assert item_id is not None
    return item_id
