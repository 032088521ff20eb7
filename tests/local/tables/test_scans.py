"""A scan returns every item once, in pages."""

from typing import Any

import pytest

from tests.local.tables.place import Place


def test_a_scan_returns_every_item(place: Place) -> None:
    _fill(place)
    assert _numbers(place.scan()) == list(range(20))


@pytest.mark.parametrize("size", [1, 7, 20])
def test_a_scan_in_pages_returns_every_item_once(place: Place, size: int) -> None:
    _fill(place)
    assert sorted(_page_through(place, Limit=size)) == list(range(20))


def _fill(place: Place) -> None:
    for number in range(20):
        due = {"due_shard": "s", "due_at": number} if number % 5 == 0 else {}
        place.put({"account": f"account-{number % 6}", "number": number, **due})


def _numbers(page: dict[str, Any]) -> list[int]:
    return sorted(int(item["number"]) for item in page["Items"])


def _page_through(place: Place, **arguments: Any) -> list[int]:
    results: list[int] = []
    start: dict[str, Any] = {}
    while True:
        page = place.scan(**arguments, **start)
        results += [int(item["number"]) for item in page["Items"]]
        if "LastEvaluatedKey" not in page:
            return results
        start = {"ExclusiveStartKey": page["LastEvaluatedKey"]}
