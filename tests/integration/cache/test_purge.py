"""What an administrator lets go is given to nobody again, and what is being made of it is not kept."""

from collections.abc import AsyncIterator

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from contracts import envelope, subjects
from contracts.errors import PenstockError
from infra.access.audit import AuditLog
from infra.cache import CacheEntries, Purge
from infra.streams import CACHE
from tests.support.flights import Flight
from tests.support.messages import completed_body
from tests.support.pipeline import TENANT, Pipeline
from tests.support.waiting import eventually
from tests.support.workers import StartWorkers
from workers.cache.entry import entry_of

OTHER = "globex"
MADE = {
    "one": {envelope.KEY_ID: "ours", envelope.INDEX: "vs_a@1,vs_b@7"},
    "two": {envelope.KEY_ID: "ours"},
    "three": {envelope.KEY_ID: "theirs", envelope.INDEX: "vs_b@7"},
}
"""Entries by key, and what they come from."""


@pytest.fixture
async def entries(pipeline: Pipeline, engine: AsyncEngine) -> AsyncIterator[CacheEntries]:
    """Three entries of a tenant, and one of another."""
    body = entry_of(completed_body("earlier")).model_dump_json().encode()
    for key, headers in MADE.items():
        await pipeline.publish(subjects.cache_entry(TENANT, key), body, headers)
    await pipeline.publish(subjects.cache_entry(OTHER, "one"), body, MADE["one"])
    yield CacheEntries(engine, pipeline.client, pipeline.js)


async def left(pipeline: Pipeline) -> set[str]:
    return {stored.subject.rpartition(".")[2] for stored in await pipeline.stored(CACHE, f"*.*.*.*.{TENANT}.*")}


@pytest.mark.parametrize(
    ("which", "stay"),
    [
        (Purge(TENANT), set()),
        (Purge(TENANT, key_id="ours"), {"three"}),
        (Purge(TENANT, store_id="vs_b"), {"two"}),
        (Purge(TENANT, store_id="vs"), {"one", "two", "three"}),
        (Purge(TENANT, key_id="ours", store_id="vs_a"), {"two", "three"}),
        (Purge(TENANT, entry="two"), {"one", "three"}),
        (Purge("nobody"), {"one", "two", "three"}),
    ],
)
async def test_what_is_meant_goes_and_all_else_stays(
    pipeline: Pipeline, entries: CacheEntries, which: Purge, stay: set[str]
) -> None:
    assert await entries.purge("cli:tester", which) == 3 - len(stay)
    assert await left(pipeline) == stay
    assert len(await pipeline.stored(CACHE)) == len(stay) + 1


async def test_it_is_written_down_who_did_it(entries: CacheEntries, engine: AsyncEngine) -> None:
    await entries.purge("cli:tester", Purge(TENANT, store_id="vs_a"))
    ((change,), _) = await AuditLog(engine).list(1)
    assert (change.actor, change.action, change.kind, change.subject_id) == ("cli:tester", "purged", "cache", TENANT)
    assert change.before == {"index": "vs_a"}


@pytest.mark.parametrize("which", [Purge("*"), Purge(TENANT, entry=">"), Purge("a.b")])
async def test_no_name_reaches_further_than_a_tenant(pipeline: Pipeline, entries: CacheEntries, which: Purge) -> None:
    with pytest.raises(PenstockError, match="must be 1 to 128 letters"):
        await entries.purge("cli:tester", which)
    assert await left(pipeline) == MADE.keys()


@pytest.mark.parametrize("which", [Purge(TENANT), Purge(TENANT, key_id="ours")])
async def test_what_is_being_answered_meanwhile_is_not_kept(
    pipeline: Pipeline, entries: CacheEntries, workers: StartWorkers, which: Purge
) -> None:
    flight = Flight(pipeline, "What is old?")
    async with workers("cache"):
        leader = await flight.ask(headers={envelope.KEY_ID: "ours"})
        await flight.leads(leader)
        await entries.purge("cli:tester", which)
        await flight.complete(leader)
        # The entry of another question is stored after it: by then, the first one would be there too.
        fresh = Flight(pipeline, "What is new?")
        second = await fresh.ask(headers={envelope.KEY_ID: "ours"})
        key = (await fresh.leads(second)).headers[envelope.CACHE_KEY]
        await fresh.complete(second)

        async def stored() -> bool:
            return any(one.body and one.subject.endswith(key) for one in await pipeline.stored(CACHE))

        await eventually(stored)
    assert not await left(pipeline) - {key, "three"}
