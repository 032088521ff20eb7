"""The ZIP archive, made as a stream: any unpacker reads it, names are unique and safe, memory is bounded."""

import io
import zipfile
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.exports.service.archive import MAX_NAME_BYTES, Archive, Names

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
FOUR_GIB = 4 * 1024**3


async def pieces(*contents: bytes) -> AsyncIterator[bytes]:
    for content in contents:
        yield content


async def zipped(files: dict[str, bytes]) -> bytes:
    archive = Archive()
    for name, content in files.items():
        async for _ in archive.add(name, NOON, len(content), pieces(content[:2], content[2:])):
            pass
    archive.close()
    return archive.take()


async def test_an_unpacker_reads_every_byte_name_and_time() -> None:
    files = {"originals/a.jpg": b"the first", "originals/Größe 😀.jpg": b"the second", "items.json": b"[]"}
    with zipfile.ZipFile(io.BytesIO(await zipped(files))) as read:
        assert read.testzip() is None
        assert {info.filename: read.read(info) for info in read.infolist()} == files
        assert {info.date_time for info in read.infolist()} == {(2026, 11, 24, 12, 0, 0)}


@pytest.mark.parametrize(
    ("at", "stored"),
    [
        (datetime(1, 1, 1, tzinfo=UTC), (1980, 1, 1, 0, 0, 0)),
        (datetime(2107, 12, 31, 23, 59, 59, tzinfo=UTC), (2107, 12, 31, 23, 59, 58)),
        (datetime(2200, 6, 1, tzinfo=UTC), (2107, 12, 31, 23, 59, 58)),
        (datetime(9999, 12, 31, tzinfo=UTC), (2107, 12, 31, 23, 59, 58)),
    ],
)
async def test_a_time_outside_the_range_of_zip_becomes_the_nearest_valid_one(
    at: datetime, stored: tuple[int, ...]
) -> None:
    archive = Archive()
    async for _ in archive.add("a.jpg", at, 1, pieces(b"x")):
        pass
    archive.close()
    with zipfile.ZipFile(io.BytesIO(archive.take())) as read:
        assert read.infolist()[0].date_time == stored


async def test_pieces_taken_at_any_time_join_to_the_same_file() -> None:
    archive, parts = Archive(), []
    async for _ in archive.add("a", NOON, 3000, pieces(*[b"x" * 1000] * 3)):
        while archive.waiting_bytes >= 700:
            parts.append(archive.take(700))
    archive.close()
    parts.append(archive.take())
    assert {len(part) for part in parts[:-1]} == {700}
    with zipfile.ZipFile(io.BytesIO(b"".join(parts))) as read:
        assert read.read("a") == b"x" * 3000


@pytest.mark.tier("all", "long runs")
async def test_a_file_above_four_gibibytes_gets_zip64(tmp_path: Path) -> None:
    """The test keeps only the central directory, because all bytes of the file are the same."""
    archive, piece = Archive(), bytes(32 * 1024 * 1024)
    made = 0
    async for _ in archive.add(
        "film.mov", NOON, FOUR_GIB + len(piece), pieces(*[piece] * (FOUR_GIB // len(piece) + 1))
    ):
        made += len(archive.take())
    archive.close()
    directory = archive.take()
    assert made > FOUR_GIB
    (tmp_path / "sparse.zip").write_bytes(b"")
    with (tmp_path / "sparse.zip").open("r+b") as file:
        file.seek(made)
        file.write(directory)
    with zipfile.ZipFile(tmp_path / "sparse.zip") as read:
        assert read.getinfo("film.mov").file_size == FOUR_GIB + len(piece)


@pytest.mark.parametrize(
    ("expected", "safe"),
    [
        ("IMG_1.jpg", "IMG_1.jpg"),
        ("../../etc/passwd", "_.._etc_passwd"),
        ("..", "_"),
        (".hidden.jpg", "hidden.jpg"),
        ("a<b>:c?.jpg", "a_b__c_.jpg"),
        ("CON.txt", "_CON.txt"),
        ("trailing. . ", "trailing"),
    ],
)
def test_a_name_cannot_leave_the_folder_and_is_valid_on_every_system(expected: str, safe: str) -> None:
    assert Names().take(expected) == safe


def test_duplicate_names_are_numbered_also_where_case_is_ignored() -> None:
    names = Names()
    expected = ["IMG.jpg", "img.JPG", "IMG.jpg", "IMG (2).jpg", "IMG.jpg", "no ending", "no ending"]
    assert [names.take(each) for each in expected] == [
        "IMG.jpg", "img (2).JPG", "IMG (3).jpg", "IMG (2) (2).jpg", "IMG (4).jpg", "no ending", "no ending (2)",
    ]  # fmt: skip


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=255), max_size=30))
def test_any_names_become_unique_names_within_the_length_limit(expected: list[str]) -> None:
    names = Names()
    taken = [names.take(each) for each in expected]
    assert len({each.casefold() for each in taken}) == len(taken)
    for each in taken:
        assert 0 < len(each.encode()) <= MAX_NAME_BYTES + 20
        assert "/" not in each
        assert each not in {".", ".."}
        assert not each.endswith((".", " "))
