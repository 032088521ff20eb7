"""After a rotation the new delivery key signs, and URLs of the old key stay valid until they expire."""

import asyncio
import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import structlog.testing
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from app.admin.service.delivery_keys import RETIRED_AFTER, KeyRotation
from app.items.service.key_watch import watching_keys
from app.stores.key_file import read_keys, write_keys
from darkroom_shared.delivery_keys import DeliveryKey, DeliveryKeys
from darkroom_shared.ids import new_account_id, new_item_id
from local.data_folder import DataFolder
from local.keys import ensure_keys
from tests.services import CDN, ManualClock

ACCOUNT, ITEM = new_account_id(), new_item_id()


@pytest.fixture
def folder(tmp_path: Path) -> DataFolder:
    """The data folder of an installation after its first start."""
    folder = DataFolder(tmp_path)
    folder.edge_keys.mkdir()
    ensure_keys(folder)
    return folder


@pytest.fixture
def rotation(folder: DataFolder, clock: ManualClock) -> KeyRotation:
    return KeyRotation(folder.cdn_keys, folder.edge_keys, clock)


def published(folder: DataFolder) -> set[str]:
    return {file.stem for file in folder.edge_keys.iterdir()}


def test_the_new_key_signs_and_the_old_one_stays_valid(folder: DataFolder, rotation: KeyRotation) -> None:
    first = ensure_keys(folder)
    new = rotation.rotate()
    assert ensure_keys(folder).cdn_key_id == new != first.cdn_key_id
    assert published(folder) == {new, first.cdn_key_id}
    assert stat.S_IMODE(folder.cdn_keys.stat().st_mode) == 0o600
    assert ensure_keys(folder).secret == first.secret


def test_an_old_key_stays_until_its_last_url_expires(
    folder: DataFolder, rotation: KeyRotation, clock: ManualClock
) -> None:
    old = ensure_keys(folder).cdn_key_id
    new = rotation.rotate()
    clock.now += RETIRED_AFTER - timedelta(seconds=1)
    retirement = rotation.retire(immediately=False)
    assert (retirement.retired, retirement.retirable_at) == ((), clock.now + timedelta(seconds=1))
    assert published(folder) == {old, new}
    clock.advance(seconds=1)
    assert rotation.retire(immediately=False).retired == (old,)
    assert published(folder) == {new} == {key.id for key in read_keys(folder.cdn_keys).keys}
    assert rotation.retire(immediately=False).retired == ()


def test_each_old_key_is_retired_at_its_own_time(folder: DataFolder, rotation: KeyRotation, clock: ManualClock) -> None:
    first = ensure_keys(folder).cdn_key_id
    second = rotation.rotate()
    clock.advance(hours=10)
    third = rotation.rotate()
    clock.advance(hours=5)
    assert rotation.retire(immediately=False).retired == (first,)
    assert published(folder) == {second, third}


def test_a_leaked_key_can_be_retired_immediately(folder: DataFolder, rotation: KeyRotation) -> None:
    old = ensure_keys(folder).cdn_key_id
    new = rotation.rotate()
    assert rotation.retire(immediately=True).retired == (old,)
    assert published(folder) == {new}


def test_a_retired_key_does_not_return_at_the_next_start(folder: DataFolder, rotation: KeyRotation) -> None:
    new = rotation.rotate()
    rotation.retire(immediately=True)
    assert ensure_keys(folder).cdn_key_id == new
    assert published(folder) == {new}


async def test_a_running_process_loads_the_new_key_and_survives_a_damaged_file(
    folder: DataFolder, rotation: KeyRotation
) -> None:
    generated = ensure_keys(folder)
    now = datetime(2026, 11, 24, 9, tzinfo=UTC)

    async with watching_keys(folder.cdn_keys, CDN, lambda: now, poll_seconds=0.01) as delivery:

        def signs_with(key: str) -> bool:
            return f"Key-Pair-Id={key}&" in delivery.rendition_folder(ACCOUNT, ITEM).query

        assert signs_with(generated.cdn_key_id)
        whole = folder.cdn_keys.read_text()
        folder.cdn_keys.write_text("{")
        await asyncio.sleep(0.05)
        folder.cdn_keys.write_text(whole)
        new = rotation.rotate()
        async with asyncio.timeout(60):
            while not signs_with(new):  # noqa: ASYNC110  no event reports a change of the file
                await asyncio.sleep(0.01)


async def test_an_unexpected_error_does_not_end_the_watch(folder: DataFolder, rotation: KeyRotation) -> None:
    ensure_keys(folder)
    now = datetime(2026, 11, 24, 9, tzinfo=UTC)
    whole = read_keys(folder.cdn_keys)
    locked = DeliveryKey(id="locked", private_key=an_encrypted_key(), since=whole.signing.since)
    with structlog.testing.capture_logs() as entries:
        async with (
            watching_keys(folder.cdn_keys, CDN, lambda: now, poll_seconds=0.01) as delivery,
            asyncio.timeout(60),
        ):
            write_keys(folder.cdn_keys, DeliveryKeys(keys=(locked, *whole.keys)))
            while not any(entry["event"] == "job.crashed" for entry in entries):  # noqa: ASYNC110  no event reports it
                await asyncio.sleep(0.01)
            write_keys(folder.cdn_keys, whole)
            new = rotation.rotate()
            while f"Key-Pair-Id={new}&" not in delivery.rendition_folder(ACCOUNT, ITEM).query:  # noqa: ASYNC110
                await asyncio.sleep(0.01)


def an_encrypted_key() -> str:
    """Return a key in PEM that needs a password: cryptography raises TypeError for it."""
    encryption = serialization.BestAvailableEncryption(b"a password")
    key = ec.generate_private_key(ec.SECP256R1())
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption).decode()


def test_a_file_without_keys_stops_the_start_without_printing_its_content(tmp_path: Path) -> None:
    file = tmp_path / "cdn-keys.json"
    file.write_text('{"keys": [{"id": "K 1", "private_key": "BEGIN PRIVATE KEY"}]}')
    with pytest.raises(ValueError, match=r"cdn-keys\.json") as raised:
        read_keys(file)
    assert "PRIVATE" not in str(raised.value)
