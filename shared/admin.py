"""What an operator sees of the whole service."""

from pydantic import Field

from shared.times import Moment
from shared.wire import Answer


class Lane(Answer):
    waiting: int
    in_work: int


class Overview(Answer):
    at: Moment
    lanes: dict[str, Lane] = Field(description="Each queue's messages; approximate by SQS's nature.")
    oldest_wait_seconds: float = Field(description="How long the item that waits longest has been queued.")
    items_past_deadline: int = Field(description="Over 60 s past their deadline and not moved; must read 0.")
    events_not_relayed: int = Field(description="Accounts whose log waits over 60 s for the relay; must read 0.")
