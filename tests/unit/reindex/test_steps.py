"""What a re-index does next, how fast it goes, and which versions are kept afterwards."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from contracts.reindex import ReindexState
from infra.index.jobs import Reindex, Wish
from infra.index.reindexing import Counts
from infra.index.version import IndexVersion
from workers.reindex.rate import Rate
from workers.reindex.steps import WINDOW, Step, beyond, next_step, room

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def job(**fields: Any) -> Reindex:
    values: dict[str, Any] = dict.fromkeys(Reindex.__slots__) | {
        "id": "job",
        "state": ReindexState.BUILDING,
        "wish": Wish.RUN,
        "done": 0,
        "failed": 0,
        "pending": 0,
        "rate": 0.0,
    }
    return Reindex(**(values | fields))


def counts(*, queued: int = 0, waiting: int = 0, lagging: int | None = None) -> Counts:
    return Counts(0, 0, queued, waiting, queued + waiting if lagging is None else lagging, NOW)


def version(number: int, switched_at: datetime | None) -> IndexVersion:
    values: dict[str, Any] = dict.fromkeys(IndexVersion.__slots__)
    return IndexVersion(**(values | {"id": number, "switched_at": switched_at, "created_at": NOW}))


@pytest.mark.parametrize(
    ("seen", "step"),
    [
        (counts(waiting=1), Step.FEED),
        (counts(queued=WINDOW, waiting=1), Step.WAIT),
        (counts(queued=1), Step.WAIT),
        (counts(queued=1, lagging=0), Step.CHECK),
        (counts(), Step.CHECK),
    ],
)
def test_documents_are_fed_then_waited_for_then_checked(seen: Counts, step: Step):
    assert next_step(job(), seen) == step


@pytest.mark.parametrize("seen", [counts(), counts(queued=1), counts(waiting=1)])
def test_the_owners_wish_comes_first(seen: Counts):
    assert next_step(job(wish=Wish.PAUSE), seen) == Step.REST
    assert next_step(job(wish=Wish.CANCEL), seen) == Step.CANCEL
    assert next_step(job(wish=Wish.PAUSE, state=ReindexState.REFUSED), seen) == Step.STOP


@pytest.mark.parametrize(
    ("seen", "free"),
    [
        (counts(waiting=5), 5),
        (counts(waiting=9 * WINDOW), WINDOW),
        (counts(queued=WINDOW - 3, waiting=9), 3),
        (counts(queued=WINDOW + 3, waiting=9), 0),
    ],
)
def test_only_so_many_documents_are_on_the_queue_at_once(seen: Counts, free: int):
    assert room(seen) == free


def test_the_rate_is_that_of_the_last_seconds():
    rate = Rate()
    assert [rate.see(second, 100 * second) for second in (0, 1, 2)] == [0, 100, 100]
    for second in range(3, 40):
        now = rate.see(second, 200 + second)
    assert now == pytest.approx(1)


def test_a_rest_and_documents_that_are_pending_again_begin_the_rate_anew():
    rate = Rate()
    rate.see(0, 0)
    assert rate.see(1, 50) == 50
    rate.rest()
    assert rate.see(1000, 50) == 0
    assert rate.see(1001, 60) == 10
    assert rate.see(1002, 55) == 0
    assert rate.see(1003, 57) == 2


@pytest.mark.parametrize(
    ("pending", "rate", "state", "eta"),
    [
        (100, 20.0, ReindexState.BUILDING, 5.0),
        (100, 0.0, ReindexState.BUILDING, None),
        (0, 20.0, ReindexState.BUILDING, None),
        (100, 20.0, ReindexState.CANCELLED, None),
    ],
)
def test_nobody_knows_when_it_is_done_while_nothing_moves(pending: int, rate: float, state: str, eta: float | None):
    assert job(pending=pending, rate=rate, state=state).eta_seconds == eta


def test_the_versions_that_were_live_last_are_kept():
    past = [version(number, NOW + timedelta(days=day)) for number, day in ((1, 3), (2, 1), (3, 2))]
    assert beyond(past, 1) == [3, 2]
    assert beyond(past, 0) == [1, 3, 2]
    assert beyond(past, 5) == []
