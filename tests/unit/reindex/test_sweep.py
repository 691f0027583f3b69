"""A sweep is through when everything that was on the queues at its beginning has been through all of them."""

from datetime import UTC, datetime, timedelta

from infra.streams import CHUNKED, EMBEDDED, SUBMITTED
from workers.reindex.sweep import Sweep

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)


def later(seconds: int) -> datetime:
    return BEGIN + timedelta(seconds=seconds)


def test_empty_queues_are_swept_in_three_looks():
    sweep = Sweep()
    assert [(sweep.queue, sweep.see(8, 7, later(look))) for look in range(3)] == [
        (SUBMITTED, None),
        (CHUNKED, None),
        (EMBEDDED, BEGIN),
    ]


def test_what_was_on_a_queue_when_the_sweep_came_to_it_is_waited_for():
    sweep = Sweep()
    assert sweep.see(1, 10, BEGIN) is None
    assert sweep.see(10, 50, later(1)) is None
    assert sweep.queue == SUBMITTED
    assert sweep.see(11, 60, later(2)) is None
    assert sweep.queue == CHUNKED
    assert sweep.see(3, 5, later(3)) is None
    assert sweep.see(6, 9, later(4)) is None
    assert sweep.queue == EMBEDDED


def test_a_sweep_is_of_the_moment_of_its_beginning_and_the_next_begins_anew():
    sweep = Sweep()
    for look in range(3):
        through = sweep.see(2, 1, later(look))
    assert through == BEGIN
    assert sweep.queue == SUBMITTED
    assert sweep.see(1, 3, later(5)) is None
    for look in range(3):
        through = sweep.see(9, 3, later(6 + look))
    assert through == later(5)
