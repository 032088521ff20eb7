"""Random sequences of writes on our server and on a simple model: at the end every read agrees."""

from dataclasses import dataclass
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.local.tables.place import Place, Plain, a_place, key, wire

ACCOUNTS = ("anna", "bert")
Model = dict[tuple[str, int], Plain]


@dataclass(frozen=True, slots=True)
class Put:
    """Replace the item, optionally only if it is absent."""

    attributes: Plain
    only_new: bool


@dataclass(frozen=True, slots=True)
class Change:
    """Set `tally`, and set or remove `taken_at`; optionally only if the tally has at least a value."""

    tally: int
    taken_at: str | None
    at_least: int | None


@dataclass(frozen=True, slots=True)
class Delete:
    """Delete the item, optionally only if it has a due date."""

    only_due: bool


@dataclass(frozen=True, slots=True)
class Step:
    """A write of one item; several steps form one transaction."""

    account: str
    number: int
    effect: Put | Change | Delete

    @property
    def target(self) -> tuple[str, int]:
        return (self.account, self.number)


days = st.sampled_from(["2026-01", "2026-02", "2026-02-03"])
attributes = st.fixed_dictionaries(
    {},
    optional={
        "taken_at": days,
        "due_shard": st.sampled_from(["s", "t"]),
        "due_at": st.integers(-3, 3),
        "tally": st.integers(-5, 5),
        "tags": st.lists(st.sampled_from("abc"), min_size=1),
    },
)
effects = st.one_of(
    st.builds(Put, attributes, st.booleans()),
    st.builds(Change, st.integers(-5, 5), st.none() | days, st.none() | st.integers(-3, 3)),
    st.builds(Delete, st.booleans()),
)
steps = st.builds(Step, st.sampled_from(ACCOUNTS), st.integers(-2, 4), effects)
transactions = st.lists(steps, min_size=1, max_size=3, unique_by=lambda step: step.target)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(transactions, max_size=25))
def test_after_any_sequence_of_writes_every_read_agrees_with_the_model(ours: Any, sequence: list[list[Step]]) -> None:
    model: Model = {}
    place = a_place(ours)
    for transaction in sequence:
        expected = _applied(model, transaction)
        assert _commits(place, transaction) == (expected is not None)
        model = model if expected is None else expected
    _compare(place, model)


def _applied(model: Model, transaction: list[Step]) -> Model | None:
    """Return the model after the transaction, or None if one of its conditions fails."""
    after = dict(model)
    for step in transaction:
        item = model.get(step.target)
        match step.effect:
            case Put(attributes, only_new):
                if only_new and item is not None:
                    return None
                after[step.target] = {"account": step.account, "number": step.number, **attributes}
            case Change(tally, taken_at, at_least):
                present = item or {"account": step.account, "number": step.number}
                if at_least is not None and ("tally" not in present or present["tally"] < at_least):
                    return None
                changed = {**present, "tally": tally, "taken_at": taken_at}
                after[step.target] = {name: value for name, value in changed.items() if value is not None}
            case Delete(only_due):
                if only_due and (item is None or "due_at" not in item):
                    return None
                after.pop(step.target, None)
    return after


def _commits(place: Place, transaction: list[Step]) -> bool:
    try:
        place.transact(*map(_action, transaction))
    except place.client.exceptions.TransactionCanceledException:
        return False
    return True


def _action(step: Step) -> Plain:
    where = key(step.number, step.account)
    match step.effect:
        case Put(attributes, only_new):
            condition = {"ConditionExpression": "attribute_not_exists(account)"} if only_new else {}
            return {"Put": {"Item": {**where, **wire(attributes)}, **condition}}
        case Change(tally, taken_at, at_least):
            values = {":tally": tally, ":taken_at": taken_at, ":at_least": at_least}
            present_values = wire({name: value for name, value in values.items() if value is not None})
            condition = {} if at_least is None else {"ConditionExpression": "tally >= :at_least"}
            clause = " REMOVE taken_at" if taken_at is None else ", taken_at = :taken_at"
            update = {"UpdateExpression": f"SET tally = :tally{clause}", "ExpressionAttributeValues": present_values}
            return {"Update": {"Key": where, **update, **condition}}
        case Delete(only_due):
            condition = {"ConditionExpression": "attribute_exists(due_at)"} if only_due else {}
            return {"Delete": {"Key": where, **condition}}


def _compare(place: Place, model: Model) -> None:
    assert _sorted(place.scan()["Items"]) == _sorted(model.values())
    for account in ACCOUNTS:
        rows = sorted((item for item in model.values() if item["account"] == account), key=lambda item: item["number"])
        taken = sorted(
            (item for item in rows if "taken_at" in item), key=lambda item: (item["taken_at"], item["number"])
        )
        for forward in (True, False):
            turn = {"ScanIndexForward": forward, "values": {":a": account}}
            assert place.query("account = :a", **turn)["Items"] == (rows if forward else rows[::-1])
            results = place.query("account = :a", IndexName="by_taken", **turn)["Items"]
            assert results == (taken if forward else taken[::-1])
    for shard in ("s", "t"):
        due = [item for item in model.values() if item.get("due_shard") == shard and "due_at" in item]
        results = place.query("due_shard = :s", values={":s": shard}, IndexName="by_due")["Items"]
        assert _sorted(results) == _sorted(due)
        assert [item["due_at"] for item in results] == sorted(item["due_at"] for item in due)


def _sorted(items: Any) -> list[Plain]:
    return sorted(items, key=lambda item: (item["account"], item["number"]))
