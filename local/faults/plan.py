"""The plan of fault injection: which faults, how often, and how often they were injected."""

import json
import random
from dataclasses import dataclass, field
from enum import StrEnum
from fnmatch import fnmatchcase
from typing import Any


class Fault(StrEnum):
    THROTTLE = "throttle"
    CONFLICT = "conflict"
    """Another transaction holds the row (DynamoDB only)."""
    INTERNAL_ERROR = "internal_error"
    UNAVAILABLE = "unavailable"
    EXPIRED_CREDENTIALS = "expired_credentials"
    ACCESS_DENIED = "access_denied"
    """On S3 also the response of AWS for an absent object to a role without ListBucket."""
    MISSING_RESOURCE = "missing_resource"
    """The table, queue, topic or bucket does not exist."""
    MALFORMED = "malformed"
    """The service rejects the request as invalid."""
    KMS_THROTTLE = "kms_throttle"
    """The key that encrypts the data is throttled."""
    OVER_LIMIT = "over_limit"
    """A limit of the account: too many messages in flight, or indexes in the making."""
    UNPROCESSED = "unprocessed"
    """Only the first half of a batch is processed (DynamoDB's batches only)."""
    LATENCY = "latency"
    RESET = "reset"
    """The connection breaks before anything happens."""
    DROP_RESPONSE = "drop_response"
    """The connection breaks after the effect."""
    DUPLICATE = "duplicate"
    """A received message is delivered again after `seconds`, while the first is in flight (SQS only)."""
    DELAY = "delay"
    """A message arrives `seconds` late (SQS only)."""
    REORDER = "reorder"
    """A message arrives up to `seconds` late, so that later ones overtake it (SQS only)."""


MESSAGE_FAULTS = frozenset({Fault.DUPLICATE, Fault.DELAY, Fault.REORDER})


class BadPlan(Exception):
    """The document is invalid; the message is for its sender."""


@dataclass(slots=True)
class Rule:
    operation: str
    """A name as in the vendor's API, such as TransactWriteItems; `*` and `?` match."""

    fault: Fault
    rate: float = 1.0
    seconds: float = 0.0
    times: int | None = None
    """Maximum number of injections; None for no limit."""

    seen: int = field(default=0, init=False)
    injected: int = field(default=0, init=False)

    def describe(self) -> dict[str, Any]:
        return {
            "operation": self.operation,
            "fault": self.fault.value,
            "rate": self.rate,
            "seconds": self.seconds,
            "times": self.times,
            "seen": self.seen,
            "injected": self.injected,
        }


class Plan:
    """Empty until `replace` is called; the same seed and the same requests produce the same faults."""

    def __init__(self) -> None:
        self._seed = 0
        self._rules: list[Rule] = []
        self.random = random.Random(0)  # noqa: S311 - reproducible randomness, not a secret

    def replace(self, document: bytes) -> None:
        """Replace the plan and reset all counters. Raises BadPlan and changes nothing if the document is invalid."""
        try:
            parsed = json.loads(document)
            seed = int(parsed.pop("seed", 0))
            rules = [_rule(each) for each in parsed.pop("rules")]
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise BadPlan(f"{type(error).__name__}: {error}") from error
        if parsed:
            raise BadPlan(f"unknown: {', '.join(parsed)}")
        self._seed, self._rules = seed, rules
        self.random.seed(seed)

    def describe(self) -> bytes:
        return json.dumps({"seed": self._seed, "rules": [rule.describe() for rule in self._rules]}).encode()

    def injections(self, operation: str, *, of_messages: bool = False) -> list[Rule]:
        """Return the rules that apply to this request, in order, and count each."""
        return [
            rule
            for rule in self._rules
            if (rule.fault in MESSAGE_FAULTS) is of_messages
            and fnmatchcase(operation, rule.operation)
            and self._applies(rule)
        ]

    def _applies(self, rule: Rule) -> bool:
        rule.seen += 1
        if self.random.random() >= rule.rate or (rule.times is not None and rule.injected >= rule.times):
            return False
        rule.injected += 1
        return True


def _rule(fields: dict[str, Any]) -> Rule:
    rule = Rule(**fields | {"fault": Fault(fields["fault"])})
    if not isinstance(rule.operation, str) or not 0 <= float(rule.rate) <= 1 or float(rule.seconds) < 0:
        raise ValueError(f"a rule out of its range: {fields}")
    return rule
