"""Concurrent callers: what is committed once is committed once, whoever asks how often."""

from concurrent.futures import ThreadPoolExecutor

from tests.local.tables.place import Place, key, wire

THREADS = 8
PRIZES = 12


def test_of_eight_racing_transactions_each_prize_goes_to_one(place: Place) -> None:
    def race(runner: int) -> list[int]:
        return [prize for prize in range(PRIZES) if _claim(place, prize, runner)]

    with ThreadPoolExecutor(THREADS) as runners:
        won = [prize for prizes in runners.map(race, range(THREADS)) for prize in prizes]
    assert sorted(won) == list(range(PRIZES))
    counter = place.get(0, account="counter")
    assert counter is not None
    assert counter["tally"] == PRIZES


def test_no_increment_is_lost(place: Place) -> None:
    def count(_: int) -> None:
        for _ in range(10):
            place.update(1, "ADD tally :one", values={":one": 1})

    with ThreadPoolExecutor(THREADS) as runners:
        list(runners.map(count, range(THREADS)))
    found = place.get(1)
    assert found is not None
    assert found["tally"] == THREADS * 10


def test_a_transactional_read_never_sees_half_a_transaction(place: Place) -> None:
    def write(_: int) -> None:
        for _ in range(10):
            one = {"UpdateExpression": "ADD tally :one", "ExpressionAttributeValues": {":one": {"N": "1"}}}
            _until_done(place, {"Update": {"Key": key(1), **one}}, {"Update": {"Key": key(2), **one}})

    def read(_: int) -> set[int]:
        gets = [{"Get": {"TableName": place.table, "Key": key(number)}} for number in (1, 2)]
        differences = set()
        for _ in range(10):
            answers = place.client.transact_get_items(TransactItems=gets)["Responses"]
            tallies = [int(answer["Item"]["tally"]["N"]) if "Item" in answer else 0 for answer in answers]
            differences.add(tallies[0] - tallies[1])
        return differences

    with ThreadPoolExecutor(THREADS) as runners:
        writing = [runners.submit(write, number) for number in range(THREADS // 2)]
        seen = set().union(*runners.map(read, range(THREADS // 2)))
        for task in writing:
            task.result()
    assert seen == {0}


def _claim(place: Place, prize: int, runner: int) -> bool:
    claim = {"Item": wire({"account": "prizes", "number": prize, "winner": runner})}
    one = {"UpdateExpression": "ADD tally :one", "ExpressionAttributeValues": {":one": {"N": "1"}}}
    try:
        place.transact(
            {"Put": {**claim, "ConditionExpression": "attribute_not_exists(account)"}},
            {"Update": {"Key": key(0, "counter"), **one}},
        )
    except place.client.exceptions.TransactionCanceledException:
        return False
    return True


def _until_done(place: Place, *actions: dict[str, object]) -> None:
    """DynamoDB may answer that another transaction was in the way."""
    for _ in range(100):
        try:
            place.transact(*actions)
        except place.client.exceptions.TransactionCanceledException as error:
            codes = {reason["Code"] for reason in error.response["CancellationReasons"]}
            if "TransactionConflict" not in codes:
                raise
        else:
            return
    raise AssertionError("a hundred conflicts")
