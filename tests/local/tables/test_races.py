"""Concurrent callers: what is committed once is committed once, whoever asks how often."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

from tests.local.tables.place import Place, wire

THREADS = 8
PRIZES = 12


def test_of_eight_racing_transactions_each_prize_goes_to_one(place: Place) -> None:
    def race(runner: int) -> list[int]:
        return [prize for prize in range(PRIZES) if _claim(place, prize, runner)]

    with ThreadPoolExecutor(THREADS) as runners:
        won = [prize for prizes in runners.map(race, range(THREADS)) for prize in prizes]
    assert sorted(won) == list(range(PRIZES))


def test_no_increment_is_lost(place: Place) -> None:
    place.put({"account": "anna", "number": 1, "tally": 0})

    def count(_: int) -> None:
        for _ in range(5):
            _increment(place)

    with ThreadPoolExecutor(THREADS) as runners:
        list(runners.map(count, range(THREADS)))
    assert _tally(place) == THREADS * 5


def _claim(place: Place, prize: int, runner: int) -> bool:
    claim = {"Item": wire({"account": "prizes", "number": prize, "winner": runner})}
    twin = {"Item": wire({"account": "twins", "number": prize, "winner": runner})}
    try:
        place.transact({"Put": {**claim, "ConditionExpression": "attribute_not_exists(account)"}}, {"Put": twin})
    except place.client.exceptions.TransactionCanceledException:
        return False
    return True


def _increment(place: Place) -> None:
    """As the app does it: from the value that was read, again until nobody else was faster."""
    for _ in range(1000):
        before = _tally(place)
        values = {":before": before, ":after": before + 1}
        with suppress(place.client.exceptions.ConditionalCheckFailedException):
            place.update(1, "SET tally = :after", condition="tally = :before", values=values)
            return
    raise AssertionError("a thousand conflicts")


def _tally(place: Place) -> int:
    found = place.get(1)
    assert found is not None
    return int(found["tally"])
