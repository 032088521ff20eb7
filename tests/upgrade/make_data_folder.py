"""`python -m tests.upgrade.make_data_folder`: rebuild the archive with the data folder of the earlier release.

It need not be repeated: the archive is evidence of what that release stored. Its keys and passwords open nothing else.
"""

import asyncio
import hashlib
import json
import sqlite3
import subprocess
import sys
import sysconfig
import tarfile
import tempfile
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import httpx
from PIL import Image

from app.stores.resources import EVENTS_TABLE, EXPORTS_TABLE, ITEMS_TABLE
from darkroom_client.client import DarkroomClient
from darkroom_shared.albums import CreateAlbum, Role
from darkroom_shared.exports import ExportState
from darkroom_shared.ids import AlbumId, ExportId, ItemId
from darkroom_shared.items import EditItem, ItemState
from local.resources import Access
from tests.local.up.darkroom import environment, three_free_ports
from tests.servers import EMULATOR_PYTHON, running
from tests.upgrade.data_folder import ARCHIVE, MEMBER, OWNER, PASSWORD, SHARE_PASSWORD, Contents
from tests.upgrade.previous_release import running_worker, unpack_release
from tests.worker.sample_videos import a_video

FAR_MOMENT, FAR_SECOND = "2100-01-01T00:00:00.000Z", {"N": "4102444800"}
"""Expiry of data that the service would delete by age, so that the archive stays readable in later years."""
WAIT_SECONDS = 600.0
LEFT_OUT = frozenset({"logs", "valkey", "lock", "app.json", "scratch"})


def main() -> None:
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        release = unpack_release(folder / "release")
        python = _make_python(folder / "environment", release)
        data, port = folder / "data", three_free_ports()
        settings = environment(data, port, DARKROOM_WORKER="off", DARKROOM_EMULATOR_PYTHON=str(EMULATOR_PYTHON))
        assignments = [f"{name}={value}" for name, value in settings.items()]
        command: list[str | Path] = ["env", "-i", *assignments, python, "-P", "-m", "local"]
        with running(command, "Darkroom is ready at"):
            app = json.loads((data / "app.json").read_text())
            contents = asyncio.run(_fill(release, python, folder, f"http://127.0.0.1:{port}", app))
            _keep_long(app)
        _keep_invitations_long(data / "darkroom.db")
        (data / "contents.json").write_text(contents.as_json())
        with tarfile.open(ARCHIVE, "w:xz", preset=9) as archive:
            for entry in sorted(data.iterdir()):
                if entry.name not in LEFT_OUT:
                    archive.add(entry, entry.name)
    sys.stdout.write(f"{ARCHIVE}: {ARCHIVE.stat().st_size} bytes\n")


async def _fill(release: Path, python: Path, folder: Path, url: str, app: dict[str, str]) -> Contents:
    """Create items of every kind and in several states, albums, share links and a comment."""
    async with DarkroomClient(url) as owner, DarkroomClient(url) as member, httpx.AsyncClient(timeout=60) as http:
        for client, email in ((owner, OWNER), (member, MEMBER)):
            await client.sessions.register(email, PASSWORD)
            await client.sessions.sign_in(email, PASSWORD)
        items: dict[str, ItemId] = {}
        with running_worker(_with_another_recipe(folder), app, folder / "earlier-worker"):
            items["reprocessed"] = await _uploaded(owner, _photo(folder, "reprocessed", 10))
        with running_worker(release, app, folder / "worker"):
            await asyncio.to_thread(_reprocess, python, app)
            items["photo"] = await _uploaded(owner, _photo(folder, "photo", 60))
            (folder / "video.mp4").write_bytes(await asyncio.to_thread(a_video, seconds=2, size="160x90"))
            items["video"] = await _uploaded(owner, folder / "video.mp4")
            items["deleted"] = await _uploaded(owner, _photo(folder, "deleted", 110))
            (folder / "failed.jpg").write_text("no image")
            items["failed"] = await _uploaded(owner, folder / "failed.jpg")
            await owner.items.edit(items["photo"], EditItem(caption="By the sea"))
            export = (await owner.exports.start()).id
            await _exported(owner, export)
            album = (await owner.albums.create(CreateAlbum(title="Summer", originals_allowed=True))).id
            await owner.albums.add(album, [items["photo"], items["video"], items["reprocessed"]])
            await member.albums.accept((await owner.albums.invite(album)).token)
            await owner.items.delete(items["deleted"])
            comment = {"text": "How lovely"}
            path = f"{url}/v1/albums/{album}"
            await _post(http, f"{url}/v1/items/{items['photo']}/comments", MEMBER, url, comment)
            shares = {}
            for label, password in (("open", None), ("locked", SHARE_PASSWORD)):
                body = {"label": label, "password": password, "download_allowed": True}
                shares[label] = (await _post(http, f"{path}/shares", OWNER, url, body))["token"]
            items["member"] = await _uploaded(member, _photo(folder, "member", 200))
            transferred, shares["transferred"], invitation = await _transfer(owner, member, items["member"], http, url)
            await asyncio.sleep(3)  # until the projections are up to date
        items["queued"] = (await owner.upload(_photo(folder, "queued", 160))).item.id
        digests = {name: _digest(folder, name) for name in items}
        return Contents(items, digests, album, transferred, invitation, export, shares)


async def _transfer(
    owner: DarkroomClient, member: DarkroomClient, item: ItemId, http: httpx.AsyncClient, url: str
) -> tuple[AlbumId, str, str]:
    """Transfer an album with the member's item to the member, which that release did without their consent.

    Return it with the tokens of the previous owner's link and open invitation.
    """
    album = (await owner.albums.create(CreateAlbum(title="Autumn", originals_allowed=True))).id
    path = f"{url}/v1/albums/{album}"
    await member.albums.accept((await owner.albums.invite(album, role=Role.CONTRIBUTOR)).token)
    await member.albums.add(album, [item])
    link = (await _post(http, f"{path}/shares", OWNER, url, {"label": "transferred", "download_allowed": True}))[
        "token"
    ]
    invitation = (await owner.albums.invite(album)).token
    await _post(http, f"{path}/transfer", OWNER, url, {"account_id": (await member.sessions.account()).id})
    return album, link, invitation


def _digest(folder: Path, name: str) -> str:
    (file,) = folder.glob(f"{name}.*")
    return f"sha256:{hashlib.sha256(file.read_bytes()).hexdigest()}"


def _with_another_recipe(folder: Path) -> Path:
    """Unpack the release with an older recipe, so that items made with that recipe can be reprocessed."""
    release = unpack_release(folder / "earlier-release")
    recipe = release / "app" / "media" / "recipe.py"
    text = recipe.read_text()
    assert "\nMAKING = 1\n" in text
    recipe.write_text(text.replace("\nMAKING = 1\n", "\nMAKING = 0\n"))
    return release


def _make_python(folder: Path, release: Path) -> Path:
    """Make a virtual environment that imports the release's code: the processes that it starts ignore PYTHONPATH."""
    command = [sys.executable, "-m", "venv", "--without-pip", str(folder)]
    subprocess.run(command, check=True, capture_output=True, timeout=WAIT_SECONDS)  # noqa: S603  # our own Python
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    packages = folder / "lib" / version / "site-packages"
    # Path files in the second folder are not read, so the editable installation of the current code has no effect.
    (packages / "release.pth").write_text(f"{release}\n{sysconfig.get_path('purelib')}\n")
    return folder / "bin" / "python"


def _photo(folder: Path, name: str, hue: int) -> Path:
    file = folder / f"{name}.jpg"
    Image.new("HSV", (640, 480), (hue, 120, 200)).convert("RGB").save(file, "JPEG")
    return file


async def _uploaded(client: DarkroomClient, file: Path) -> ItemId:
    """Upload the file and return the item in its final state."""
    item = (await client.upload(file)).item
    async with asyncio.timeout(WAIT_SECONDS):
        while item.state not in {ItemState.READY, ItemState.FAILED}:
            await asyncio.sleep(0.2)
            item = await client.items.require(item.id)
    return item.id


async def _exported(client: DarkroomClient, export: ExportId) -> None:
    async with asyncio.timeout(WAIT_SECONDS):
        while (await client.exports.require(export)).state is not ExportState.READY:  # noqa: ASYNC110  no event here
            await asyncio.sleep(0.2)


async def _post(http: httpx.AsyncClient, path: str, email: str, url: str, body: dict[str, Any]) -> dict[str, Any]:
    signed_in = await http.post(f"{url}/v1/sessions", json={"email": email, "password": PASSWORD})
    token = signed_in.json()["token"]
    response = await http.post(path, json=body, headers={"Authorization": f"Bearer {token}"})
    assert response.is_success, response.text
    results: dict[str, Any] = response.json()
    return results


def _reprocess(python: Path, app: dict[str, str]) -> None:
    # Not through `darkroom`: it would load the current code's commands, whose entry points are installed.
    program = (
        "import argparse, sys; from app.admin.command import register; parser = argparse.ArgumentParser(); "
        "register(parser.add_subparsers()); arguments = parser.parse_args(['admin', 'reprocess']); "
        "sys.exit(arguments.run(arguments))"
    )
    subprocess.run(  # noqa: S603  # our own program
        [str(python), "-P", "-c", program], env=app, check=True, timeout=WAIT_SECONDS
    )


def _keep_long(app: dict[str, str]) -> None:
    """Move the expiry of temporary data, 7 to 30 days ahead, to a far year."""
    access = Access(app["AWS_REGION"], app["AWS_ACCESS_KEY_ID"], app["AWS_SECRET_ACCESS_KEY"], None)
    tables = access.client("dynamodb", app["DARKROOM_DYNAMODB_ENDPOINT"])
    for row in tables.scan(TableName=ITEMS_TABLE)["Items"]:
        for previous in row["former"]["L"]:
            previous["M"]["until"] = {"S": FAR_MOMENT}
        moments = {name for name in ("purge_at", "deadline", "queue_deadline", "cleanup_at") if name in row}
        row |= {name: {"S": FAR_MOMENT} for name in moments}
        if moments & {"purge_at", "cleanup_at"}:
            row["due_at"] = {"S": FAR_MOMENT}
        tables.put_item(TableName=ITEMS_TABLE, Item=row)
    far = {"S": FAR_MOMENT}
    for row in tables.scan(TableName=EXPORTS_TABLE)["Items"]:
        tables.put_item(TableName=EXPORTS_TABLE, Item=row | {"kept_until": far, "due_at": far})
    for row in tables.scan(TableName=EVENTS_TABLE)["Items"]:
        if "expires_at" in row:
            tables.put_item(TableName=EVENTS_TABLE, Item=row | {"expires_at": FAR_SECOND})


def _keep_invitations_long(file: Path) -> None:
    """As `_keep_long`, for what is in the relational database: call it while nothing runs."""
    with closing(sqlite3.connect(file)) as database, database:
        database.execute("UPDATE invitations SET expires_at = '2100-01-01 00:00:00.000000'")


if __name__ == "__main__":
    main()
