"""The journal of unfinished uploads and the saved sessions: what survives, and what is discarded or refused."""

import asyncio
import sqlite3
from dataclasses import replace
from pathlib import Path

import pytest

from darkroom_client.credentials import CredentialsFile, SavedSignIn
from darkroom_client.errors import UnusableState
from darkroom_client.journal import FileKey, Unfinished, UploadJournal
from darkroom_shared.ids import new_account_id, new_item_id

KEY = FileKey("http://127.0.0.1:8080", new_account_id(), Path("/photos/a\udce9.jpg"), 10, 20)


async def test_a_journal_entry_is_read_by_the_next_process(tmp_path: Path) -> None:
    entry = Unfinished("key", new_item_id())
    first, second = UploadJournal(tmp_path / "deep" / "journal"), UploadJournal(tmp_path / "deep" / "journal")
    await first.put(KEY, Unfinished("key", None))
    await first.put(KEY, entry)
    assert await second.get(KEY) == entry
    await second.remove(KEY)
    assert await first.get(KEY) is None
    await first.aclose()
    await second.aclose()


@pytest.mark.parametrize(
    "other",
    [
        replace(KEY, server="https://elsewhere.example"),
        replace(KEY, account=new_account_id()),
        replace(KEY, path=Path("/photos/b.jpg")),
        replace(KEY, size_bytes=11),
        replace(KEY, modified_ns=21),
    ],
)
async def test_another_file_account_or_server_is_another_upload(tmp_path: Path, other: FileKey) -> None:
    journal = UploadJournal(tmp_path / "journal")
    await journal.put(KEY, Unfinished("key", None))
    assert await journal.get(other) is None
    await journal.aclose()


async def test_a_damaged_journal_is_replaced_by_an_empty_one(tmp_path: Path) -> None:
    (tmp_path / "journal").write_bytes(b"this is not a database, " * 100)
    journal = UploadJournal(tmp_path / "journal")
    await journal.put(KEY, Unfinished("key", None))
    assert await journal.get(KEY) == Unfinished("key", None)
    await journal.aclose()


async def test_the_error_names_a_journal_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UnusableState, match="remembers unfinished uploads"):
        await UploadJournal(tmp_path / "file" / "journal").get(KEY)


async def test_concurrent_writers_do_not_overwrite_each_other(tmp_path: Path) -> None:
    journals = [UploadJournal(tmp_path / "journal") for _ in range(4)]
    keys = [replace(KEY, size_bytes=number) for number in range(40)]
    await asyncio.gather(
        *(journals[number % 4].put(key, Unfinished(str(number), None)) for number, key in enumerate(keys))
    )
    assert [entry.idempotency_key for key in keys if (entry := await journals[0].get(key))] == [*map(str, range(40))]
    for journal in journals:
        await journal.aclose()


async def test_a_new_journal_waits_for_another_process_that_writes_to_it(tmp_path: Path) -> None:
    """SQLite's own wait does not apply to the switch to a write-ahead log."""
    journal, writer = UploadJournal(tmp_path / "journal"), sqlite3.connect(tmp_path / "journal", isolation_level=None)
    writer.execute("BEGIN IMMEDIATE")
    reading = asyncio.create_task(journal.get(KEY))
    await asyncio.sleep(0.2)
    writer.execute("COMMIT")
    assert await reading is None
    writer.close()
    await journal.aclose()


def test_saved_sessions_are_stored_per_server_and_readable_by_their_owner_only(tmp_path: Path) -> None:
    file = CredentialsFile(tmp_path / "darkroom" / "credentials.json")
    assert file.read().servers == {}
    file.put("http://one", SavedSignIn("a@example.com", "token 1"))
    file.put("http://two", SavedSignIn("b@example.com", "token 2"))
    assert (tmp_path / "darkroom" / "credentials.json").stat().st_mode & 0o777 == 0o600
    assert file.read().newest == "http://two"
    file.remove("http://two")
    assert file.read().newest is None
    assert file.read().servers == {"http://one": SavedSignIn("a@example.com", "token 1")}


def test_the_error_names_a_damaged_file_of_saved_sessions(tmp_path: Path) -> None:
    (tmp_path / "credentials.json").write_text("[]")
    with pytest.raises(UnusableState, match="remove it and sign in again"):
        CredentialsFile(tmp_path / "credentials.json").read()
