"""The client's search."""

from pathlib import Path

from darkroom_client.client import DarkroomClient
from darkroom_client.search import SearchRequest
from tests.client.conftest import random_file


async def test_a_search_reads_every_page(client: DarkroomClient, tmp_path: Path) -> None:
    names = [f"{number}.jpg" for number in range(3)]
    for number, name in enumerate(names):
        await client.upload(random_file(tmp_path / name, 1_000 + number))
    matches = [item.name async for item in client.search.find_all(SearchRequest(text=".jpg"))]
    assert sorted(matches) == names
