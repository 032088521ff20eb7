"""Concurrent clients: each conditional write commits once, however many clients attempt it."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

from tests.local.tables.place import Place, wire

THREADS = 8
TARGETS = 12


def test_one_of_eight_racing_transactions_creates_each_row(place: Place) -> None:
    def race(runner: int) -> list[int]:
        return [target for target in range(TARGETS) if _claim(place, target, runner)]

    with ThreadPoolExecutor(THREADS) as runners:
        won = [target for targets in runners.map(race, range(THREADS)) for target in targets]
    assert sorted(won) == list(range(TARGETS))


def test_every_concurrent_increment_counts(place: Place) -> None:
    place.put({"account": "anna", "number": 1, "tally": 0})

    def count(_: int) -> None:
        for _ in range(5):
            _increment(place)

    with ThreadPoolExecutor(THREADS) as runners:
        list(runners.map(count, range(THREADS)))
    assert _tally(place) == THREADS * 5


def _claim(place: Place, target: int, runner: int) -> bool:
    claim = {"Item": wire({"account": "claims", "number": target, "winner": runner})}
    copy = {"Item": wire({"account": "copies", "number": target, "winner": runner})}
    try:
        place.transact({"Put": {**claim, "ConditionExpression": "attribute_not_exists(account)"}}, {"Put": copy})
    except place.client.exceptions.TransactionCanceledException:
        return False
    return True


def _increment(place: Place) -> None:
    """Increment as the app does it: compare with the value that was read, and retry on a conflict."""
    for _ in range(1000):
        before = _tally(place)
        values = {":before": before, ":after": before + 1}
        with suppress(place.client.exceptions.ConditionalCheckFailedException):
            place.update(1, "SET tally = :after", condition="tally = :before", values=values)
            return
    raise AssertionError("a thousand conflicts")


def _tally(place: Place) -> int:
    results = place.get(1)
    assert results is not None
    return int(results["tally"])
