"""All loops of a worker that use AWS, by name. Loops that only delete files or use the database are not among them."""

from tests.jobs.event_loops import nudges, outbox, projections, relay, relay_publisher
from tests.jobs.job_loops import consumer, eraser, lane_sampler
from tests.jobs.sweeper_loops import export_sweeper, sweeper

LOOPS = {
    each.__name__: each
    for each in (
        sweeper,
        export_sweeper,
        relay,
        relay_publisher,
        eraser,
        consumer,
        projections,
        nudges,
        outbox,
        lane_sampler,
    )
}
RELATIONAL = ("relay", "relay_publisher", "eraser", "projections", "nudges", "outbox")
"""Those that use the database."""
CONSUMERS = ("consumer", "nudges")
