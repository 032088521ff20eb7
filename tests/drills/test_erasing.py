"""The process that erases an account may be killed at any step."""

import pytest

from app.worker.eraser import ErasureStep
from tests.drills.installation import PASSWORD, Installation, Rule, inject
from tests.drills.people import Person
from tests.drills.processes import DRILL_SECONDS, Processes

FIRST_PASS = tuple(ErasureStep)[: tuple(ErasureStep).index(ErasureStep.NOTE_FIRST_ERASURE) + 1]
A_MOMENT_SECONDS = 0.05


@pytest.mark.tier("all", "long runs")
@pytest.mark.timeout(DRILL_SECONDS)
async def test_an_eraser_killed_at_every_step_is_resumed_by_another(
    installation: Installation, processes: Processes, person: Person
) -> None:
    await person.upload_many(6)
    worker = processes.worker()
    await person.all_ready_once()
    await worker.stop()
    account = (await person.client.sessions.account()).id
    await person.client.sessions.close_account(PASSWORD)
    for store in (installation.tables, installation.objects):
        await inject(store, Rule("*", "latency", seconds=A_MOMENT_SECONDS))
    for step in FIRST_PASS:
        worker = processes.worker()
        await worker.logged("step.began", step=step, account=account)
        worker.kill()
    last = processes.worker()
    await last.logged("step.began", step=ErasureStep.NOTE_FIRST_ERASURE, account=account)
    assert await last.stop() == 0
    results = installation.verify("--account", account).splitlines()
    assert [line for line in results if "1 rows of events" not in line] == []
