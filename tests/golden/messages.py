"""Bodies and attributes of all SQS and SNS messages, taken from the requests of the senders."""

from collections.abc import Callable
from dataclasses import asdict, replace
from datetime import timedelta
from typing import Any

from app.events.service.nudging import ProjectionNudges
from app.events.service.relay import RelayService
from app.exports.schema import ExportRow
from app.exports.service.queueing import ExportQueue
from app.items.reprocessing.service.reprocessing import Reprocessing
from app.items.schema.row import ItemRow, Lane
from app.items.service.lifecycle import READY, Change
from app.items.service.queueing import WorkQueue
from app.media.results import CrashReport
from app.stores.resources import COMPLETIONS_TOPIC, QUEUES
from app.stores.sns import Topics
from app.stores.sqs import Queues
from app.worker.crash_report import dead_letter
from darkroom_shared.events import Event
from tests.golden.flat import of_json, text_of
from tests.golden.full_values import MOMENT, full


class _Client:
    """Replaces botocore's SQS and SNS clients and records the requests."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, dict[str, Any]]] = []

    async def get_queue_url(self, QueueName: str) -> dict[str, str]:  # noqa: N803  as botocore spells it
        return {"QueueUrl": QueueName}

    async def send_message(self, **request: Any) -> None:
        self.sent.append((f"queue {request.pop('QueueUrl')}", request))

    async def publish(self, **request: Any) -> None:
        self.sent.append((f"topic {request.pop('TopicArn').removeprefix('arn:')}", request))


class _Changes:
    """Replaces the services that write rows: applies the rule to a full row."""

    def __init__(self, row: Any) -> None:
        self._row = row

    async def apply(self, _account: str, _id: str, rule: Callable[[Any], Any], **_options: Any) -> Any:
        change: Change | None = rule(self._row)
        return change.row if change else self._row


async def messages() -> str:
    client = _Client()
    await _send(Queues(client, client), Topics(client, {COMPLETIONS_TOPIC: f"arn:{COMPLETIONS_TOPIC}"}))  # type: ignore[arg-type]  # only these calls are used
    lines = []
    for target, request in client.sent:
        body = request.pop("MessageBody", None) or request.pop("Message")
        lines.append(f"{target}  body  {body}")
        lines += [
            f"{target}  {path}  {text or kind}"
            for path, kind, text in of_json(request)
            if not path.endswith("DataType")
        ]
    assert {target for target, _ in client.sent} == {f"queue {each.name}" for each in QUEUES} | {
        f"topic {COMPLETIONS_TOPIC}"
    }, "each queue and topic must have a sender here"
    return text_of(lines)


async def _send(queues: Queues, topics: Topics) -> None:
    def clock() -> Any:
        return MOMENT

    row: ItemRow = full(ItemRow)
    for lane in Lane:
        waiting = replace(row, lane=lane, not_before=MOMENT + timedelta(seconds=9))
        await WorkQueue(queues, _Changes(waiting), clock).send(waiting)  # type: ignore[arg-type]  # applies rules
    stale = replace(row, state=READY, claim=None, remake=None)
    parts: Any = {"store": None, "changes": _Changes(stale)}
    reprocessing = Reprocessing(**parts, queues=queues, recipe="another recipe", clock=clock)
    await reprocessing._request(stale)
    export: ExportRow = full(ExportRow)
    await ExportQueue(queues, _Changes(export), clock).send(export)  # type: ignore[arg-type]  # as above
    await dead_letter(queues, row, asdict(full(CrashReport)))
    nudges = ProjectionNudges(None, queues, ())  # type: ignore[arg-type]  # nudging uses no store
    await nudges.nudge(row.account_id)
    event = full(Event).model_copy(update={"data": {"kind": "image"}})
    parts = {"store": None, "topics": topics, "projections": nudges}
    await RelayService(**parts, clock=clock)._publish(row.account_id, event)
