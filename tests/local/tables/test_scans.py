"""Scan: everything once, in pages and in segments."""

from typing import Any

import pytest

from tests.local.tables.place import Place, refused


def test_a_scan_finds_everything(place: Place) -> None:
    _fill(place)
    assert _numbers(place.scan()) == list(range(20))


@pytest.mark.parametrize("size", [1, 7, 20])
def test_a_scan_in_pages_finds_everything_once(place: Place, size: int) -> None:
    _fill(place)
    assert sorted(_page_through(place, Limit=size)) == list(range(20))


@pytest.mark.parametrize("total", [1, 3, 8])
def test_segments_share_out_everything(place: Place, total: int) -> None:
    _fill(place)
    segments = [_page_through(place, Segment=number, TotalSegments=total, Limit=3) for number in range(total)]
    assert sorted(number for segment in segments for number in segment) == list(range(20))


def test_a_scan_of_an_index_finds_what_is_in_it(place: Place) -> None:
    _fill(place)
    assert sorted(_page_through(place, IndexName="by_due", Limit=2)) == [0, 5, 10, 15]


def test_a_filtered_scan_counts_what_it_read(place: Place) -> None:
    _fill(place)
    page = place.scan(FilterExpression="due_at > :v", values={":v": 5})
    assert (_numbers(page), page["Count"], page["ScannedCount"]) == ([10, 15], 2, 20)


def test_a_scan_can_count_only(place: Place) -> None:
    _fill(place)
    page = place.client.scan(TableName=place.table, Select="COUNT")
    assert (page["Count"], page.get("Items", [])) == (20, [])


def test_a_scan_can_be_cut_down(place: Place) -> None:
    place.put({"account": "anna", "number": 1, "caption": "lake"})
    assert place.scan(ProjectionExpression="caption")["Items"] == [{"caption": "lake"}]


@pytest.mark.parametrize(
    "wrong",
    [
        {"Segment": 1, "TotalSegments": 1},
        {"Segment": 0},
        {"TotalSegments": 2},
        {"IndexName": "by_due", "ConsistentRead": True},
    ],
)
def test_a_scan_that_makes_no_sense_is_refused(place: Place, wrong: dict[str, Any]) -> None:
    with refused("ValidationException"):
        place.scan(**wrong)


def _fill(place: Place) -> None:
    for number in range(20):
        due = {"due_shard": "s", "due_at": number} if number % 5 == 0 else {}
        place.put({"account": f"account-{number % 6}", "number": number, **due})


def _numbers(page: dict[str, Any]) -> list[int]:
    return sorted(int(item["number"]) for item in page["Items"])


def _page_through(place: Place, **arguments: Any) -> list[int]:
    found: list[int] = []
    start: dict[str, Any] = {}
    while True:
        page = place.scan(**arguments, **start)
        found += [int(item["number"]) for item in page["Items"]]
        if "LastEvaluatedKey" not in page:
            return found
        start = {"ExclusiveStartKey": page["LastEvaluatedKey"]}
