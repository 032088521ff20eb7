"""What keeps a sick database from being beaten, step by step."""

import pytest

from app.stores.aurora_health import FAILURES, MOST_RETRIES, PAUSE_SECONDS, Gate, NotTried, OutOfReach, RetryBudget


class Moments:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def _fail(gate: Gate) -> None:
    with pytest.raises(OutOfReach) as failed, gate.attempt():
        raise OutOfReach("refused")
    assert not isinstance(failed.value, NotTried)


def _shut_gate(moments: Moments) -> Gate:
    gate = Gate(moments)
    for _ in range(FAILURES):
        _fail(gate)
    return gate


def test_a_retry_is_paid_for_by_ten_successes() -> None:
    budget = RetryBudget()
    assert [budget.spend() for _ in range(int(MOST_RETRIES) + 1)] == [True] * int(MOST_RETRIES) + [False]
    for _ in range(11):  # a tenth is a little less than a tenth in binary
        budget.earn()
    assert [budget.spend(), budget.spend()] == [True, False]


def test_no_more_is_saved_than_for_one_burst() -> None:
    budget = RetryBudget()
    for _ in range(1000):
        budget.earn()
    assert sum(budget.spend() for _ in range(100)) == MOST_RETRIES


def test_one_failure_is_no_reason_to_stop_trying() -> None:
    gate = Gate(Moments())
    _fail(gate)
    with gate.attempt():
        pass
    _fail(gate)
    assert not gate.shut


def test_after_failures_in_a_row_nobody_tries_for_a_moment() -> None:
    gate = _shut_gate(Moments())
    with pytest.raises(NotTried), gate.attempt():
        pytest.fail("tried")


def test_then_one_looks_while_the_others_wait_for_what_it_finds() -> None:
    moments = Moments()
    gate = _shut_gate(moments)
    moments.now += PAUSE_SECONDS
    with gate.attempt(), pytest.raises(NotTried), gate.attempt():
        pytest.fail("tried")
    assert not gate.shut
    with gate.attempt(), gate.attempt():
        pass


def test_who_looks_and_is_cancelled_leaves_it_to_the_next() -> None:
    moments = Moments()
    gate = _shut_gate(moments)
    moments.now += PAUSE_SECONDS
    with pytest.raises(KeyboardInterrupt), gate.attempt():
        raise KeyboardInterrupt
    with gate.attempt():
        pass
    assert not gate.shut
