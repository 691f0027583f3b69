"""What a version has yet to hold: counted, paged, put on the queue once, and found again where it was lost."""

from datetime import datetime, timedelta

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from contracts.reindex import ReindexRequested
from infra.index.documents import DocumentStatus
from infra.index.jobs import ReindexJobs
from infra.index.reindexing import Counts, Lacking, Reindexing
from infra.index.version import IndexVersion
from tests.support.index import SPEC, STORE, TENANT, Index, document_chunks, sha

ERROR = ("invalid_request", "it can't be read")


async def begin(engine: AsyncEngine, index: Index, *, catch_up: IndexVersion | None = None) -> Reindexing:
    """A re-index of the store from now on; or of that version."""
    number = None if catch_up is None else catch_up.id
    request = ReindexRequested(job_id=f"job-{number}", store=STORE, catch_up=number)
    job = await ReindexJobs(engine).create(TENANT, STORE, request)
    version = catch_up or await ReindexJobs(engine).begin(TENANT, job.id, SPEC)
    live = None if catch_up else index.version.id
    return Reindexing(engine, version, live, job.created_at)


@pytest.fixture
async def next_one(engine: AsyncEngine, index: Index) -> Reindexing:
    """A re-index of a store with three documents."""
    for name in ("a", "b", "c"):
        await index.add(name, f"words of {name}")
    return await begin(engine, index)


async def copied(index: Index, to: Reindexing, name: str) -> None:
    await index.write(document_chunks(name, f"words of {name}", message_id="copy"), version=to.version)


async def ids(of: Reindexing) -> list[str]:
    return [each.document_id for each in await of.waiting(limit=10)]


def figures(counts: Counts) -> tuple[int, ...]:
    """Done, failed, queued, waiting, lagging."""
    return counts.done, counts.failed, counts.queued, counts.waiting, counts.lagging


async def test_at_the_beginning_every_document_waits(next_one: Reindexing):
    assert figures(await next_one.counts()) == (0, 0, 0, 3, 3)
    assert [each.document_id for each in await next_one.waiting(limit=2)] == ["a", "b"]
    assert [(each.document_id, each.sha256) for each in await next_one.waiting(after="b", limit=2)] == [
        ("c", sha("words of c"))
    ]


async def test_what_is_on_the_queue_waits_no_more_and_what_is_indexed_is_done(next_one: Reindexing, index: Index):
    await next_one.mark_queued(["a", "b"])
    await copied(index, next_one, "a")
    assert figures(await next_one.counts()) == (1, 0, 1, 1, 2)
    assert await ids(next_one) == ["c"]


async def test_a_note_that_comes_late_undoes_nothing(next_one: Reindexing, index: Index):
    await copied(index, next_one, "a")
    await index.documents.mark(next_one.version, "b", sha("words of b"), DocumentStatus.FAILED, error=ERROR)
    await index.documents.delete(TENANT, STORE, ["c"])
    await next_one.mark_queued(["a", "b", "c"])
    assert figures(await next_one.counts()) == (1, 1, 0, 0, 0)


async def test_what_changes_meanwhile_is_pending_again(next_one: Reindexing, index: Index):
    await copied(index, next_one, "a")
    changed = document_chunks("a", "other words")
    await index.register(changed)
    assert figures(await next_one.counts()) == (0, 0, 0, 3, 2)
    await index.write(changed)
    assert figures(await next_one.counts()) == (0, 0, 0, 3, 3)
    await index.write(changed, version=next_one.version)
    assert figures(await next_one.counts()) == (1, 0, 0, 2, 2)


async def test_what_was_submitted_just_now_holds_nothing_up(next_one: Reindexing, index: Index):
    for name in ("a", "b", "c"):
        await copied(index, next_one, name)
    await index.register(document_chunks("d", "new"))
    counts = await next_one.counts()
    assert (counts.pending, counts.lagging) == (1, 0)


async def test_without_a_live_version_all_that_is_pending_is_waited_for(next_one: Reindexing, engine: AsyncEngine):
    alone = Reindexing(engine, next_one.version, None, await moment(next_one))
    assert (await alone.counts()).lagging == 3
    assert await alone.lacking() == Lacking(0)


async def test_what_was_cancelled_in_the_live_version_is_left_out(next_one: Reindexing, index: Index):
    await index.register(document_chunks("d", "given up"))
    await index.documents.mark(index.version, "d", sha("given up"), DocumentStatus.CANCELLED)
    assert figures(await next_one.counts()) == (0, 0, 0, 3, 3)


async def test_lost_is_what_was_put_on_the_queue_before_a_moment(next_one: Reindexing):
    await next_one.mark_queued(["a"])
    between = await moment(next_one)
    await next_one.mark_queued(["b"])
    assert [each.document_id for each in await next_one.lost(between, limit=10)] == ["a"]
    await next_one.mark_queued(["a"])
    assert await next_one.lost(between, limit=10) == []


async def test_the_live_version_holds_what_the_next_one_does_not(next_one: Reindexing, index: Index):
    await copied(index, next_one, "c")
    await index.documents.mark(next_one.version, "a", sha("words of a"), DocumentStatus.FAILED, error=ERROR)
    assert await next_one.lacking() == Lacking(2, "a", ERROR[1])


async def test_a_past_version_is_brought_up_to_date_whatever_it_said(engine: AsyncEngine, index: Index):
    """What it holds of old content, what it had failed on, and what was on its way to it: all of that waits."""
    await index.add("same", "words")
    await index.add("changed", "old words")
    await index.register(document_chunks("failed", "bad"))
    await index.documents.mark(index.version, "failed", sha("bad"), DocumentStatus.FAILED, error=ERROR)
    await index.register(document_chunks("late", "on its way"))
    await index.documents.mark(index.version, "late", sha("on its way"), DocumentStatus.IN_PROGRESS)
    await index.register(document_chunks("changed", "new words"))
    behind = await begin(engine, index, catch_up=index.version)
    assert figures(await behind.counts()) == (1, 0, 0, 3, 3)
    assert await ids(behind) == ["changed", "failed", "late"]
    await behind.mark_queued(["changed", "failed", "late"])
    assert figures(await behind.counts()) == (1, 0, 3, 0, 3)


async def moment(of: Reindexing) -> datetime:
    return (await of.counts()).at + timedelta(microseconds=1)
