"""Retry budget and circuit breaker, which protect a failing database from further load."""

import pytest

from app.stores.aurora_health import (
    FAILURES,
    MAX_RETRIES,
    PAUSE_SECONDS,
    CircuitBreaker,
    NotAttempted,
    RetryBudget,
    Unreachable,
)


class Moments:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def _fail(breaker: CircuitBreaker) -> None:
    with pytest.raises(Unreachable) as failed, breaker.attempt():
        raise Unreachable("refused")
    assert not isinstance(failed.value, NotAttempted)


def _open_breaker(moments: Moments) -> CircuitBreaker:
    breaker = CircuitBreaker(moments)
    for _ in range(FAILURES):
        _fail(breaker)
    return breaker


def test_ten_successes_earn_one_retry() -> None:
    budget = RetryBudget()
    assert [budget.spend() for _ in range(int(MAX_RETRIES) + 1)] == [True] * int(MAX_RETRIES) + [False]
    for _ in range(11):  # a tenth in binary is a little less than a tenth
        budget.earn()
    assert [budget.spend(), budget.spend()] == [True, False]


def test_the_budget_saves_retries_for_one_burst_only() -> None:
    budget = RetryBudget()
    for _ in range(1000):
        budget.earn()
    assert sum(budget.spend() for _ in range(100)) == MAX_RETRIES


def test_single_failures_do_not_open_the_circuit() -> None:
    breaker = CircuitBreaker(Moments())
    _fail(breaker)
    with breaker.attempt():
        pass
    _fail(breaker)
    assert not breaker.is_open


def test_after_consecutive_failures_the_circuit_opens() -> None:
    breaker = _open_breaker(Moments())
    with pytest.raises(NotAttempted), breaker.attempt():
        pytest.fail("tried")


def test_one_caller_probes_while_all_other_callers_are_refused() -> None:
    moments = Moments()
    breaker = _open_breaker(moments)
    moments.now += PAUSE_SECONDS
    with breaker.attempt(), pytest.raises(NotAttempted), breaker.attempt():
        pytest.fail("tried")
    assert not breaker.is_open
    with breaker.attempt(), breaker.attempt():
        pass


def test_a_cancelled_probe_is_taken_over_by_the_next_caller() -> None:
    moments = Moments()
    breaker = _open_breaker(moments)
    moments.now += PAUSE_SECONDS
    with pytest.raises(KeyboardInterrupt), breaker.attempt():
        raise KeyboardInterrupt
    with breaker.attempt():
        pass
    assert not breaker.is_open
