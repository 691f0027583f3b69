"""What is to be done next about a re-index, from its row and its counts."""

from collections.abc import Sequence
from enum import StrEnum

from contracts.reindex import ReindexState
from infra.index.jobs import Reindex, Wish
from infra.index.reindexing import Counts
from infra.index.version import IndexVersion

WINDOW = 2000
"""Documents of one re-index on the queues at once: enough to keep the workers busy, and few enough that a pause is one
and that other bulk work has its turn."""


class Step(StrEnum):
    """`feed`: put documents on the queue. `wait` for those that are there. `rest`: it is paused. `check`: all is in."""

    STOP = "stop"
    CANCEL = "cancel"
    REST = "rest"
    FEED = "feed"
    WAIT = "wait"
    CHECK = "check"


STATE_OF = {
    Step.REST: ReindexState.PAUSED,
    Step.FEED: ReindexState.BUILDING,
    Step.WAIT: ReindexState.BUILDING,
    Step.CHECK: ReindexState.CHECKING,
}
"""What its row and its progress say meanwhile."""


def next_step(job: Reindex, counts: Counts) -> Step:
    """What the owner wishes comes first; then what still waits; then what is on its way."""
    if job.ended:
        return Step.STOP
    if job.wish != Wish.RUN:
        return Step.CANCEL if job.wish == Wish.CANCEL else Step.REST
    if counts.waiting:
        return Step.FEED if room(counts) else Step.WAIT
    return Step.WAIT if counts.lagging else Step.CHECK


def room(counts: Counts) -> int:
    """How many documents may be put on the queue now."""
    return max(0, min(WINDOW - counts.queued, counts.waiting))


def figures_of(counts: Counts) -> dict[str, int]:
    """The counts that a re-index's row has."""
    return {"done": counts.done, "failed": counts.failed, "pending": counts.pending}


def beyond(past: Sequence[IndexVersion], keep: int) -> list[int]:
    """The past versions that are to go: all but the `keep` that were live last."""
    by_age = sorted(past, key=lambda version: (version.switched_at or version.created_at, version.id), reverse=True)
    return [version.id for version in by_age[keep:]]
