"""Every message may arrive twice, late, or out of order."""

import pytest

from tests.drills.completions import Completions
from tests.drills.installation import Installation, Rule, inject, injected
from tests.drills.people import Person
from tests.drills.processes import DRILL_SECONDS, LONG_LEASE_SECONDS, Processes

pytestmark = pytest.mark.timeout(DRILL_SECONDS)

SECONDS = 2.0
"""Maximum delay of a message: the second delivery arrives during the processing of the first or soon after it."""


async def test_duplicate_and_reordered_messages_change_nothing(
    installation: Installation, processes: Processes, person: Person, completions: Completions
) -> None:
    await inject(
        installation.queues,
        Rule("ReceiveMessage", "duplicate", seconds=0.05),
        Rule("ReceiveMessage", "duplicate", seconds=SECONDS),
        Rule("ReceiveMessage", "reorder", seconds=SECONDS),
    )
    workers = [processes.worker(lease_seconds=LONG_LEASE_SECONDS) for _ in range(2)]
    await person.upload_many(15)
    await person.all_ready_once()
    assert await injected(installation.queues) >= 3 * len(person.sent)
    await inject(installation.queues)
    await completions.receive("item.ready", person.sent)
    for worker in workers:
        await worker.logged("claim.refused")
    for item in person.sent:
        steps = [step.step for step in (await person.client.items.receipt(item)).steps]
        assert steps.count("claimed") == steps.count("ready") == 1
