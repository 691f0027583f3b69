"""What provider workers tell each other of breakers, over the real bucket, and who of them probes."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import nats
import pytest
from nats.aio.client import Client
from prometheus_client import CollectorRegistry

from infra.streams import BREAKERS
from infra.telemetry.metrics import ProviderMetrics
from tests.support.logs import RecordedLog
from tests.support.pipeline import Pipeline
from tests.support.plans import option
from tests.support.reliability import (
    GOOD,
    answered,
    write_reliability_catalog,
)
from tests.support.simulator import Simulator
from tests.support.waiting import eventually
from tests.support.workers import StartWorkers
from workers.provider import breaker_store
from workers.provider.breaker import OPEN_FOR, STREAK, Breaker, Standing, Verdict
from workers.provider.breaker_store import BreakerStore
from workers.provider.breaker_watch import BreakerWatch
from workers.provider.health import Census
from workers.provider.plan import Option

A, B = option("a/x.y:z"), option("b/x")
NOW = 1_700_000_000.0


@pytest.fixture
def catalog(tmp_path: Path, simulator: Simulator) -> Path:
    """See `tests.support.reliability`."""
    return write_reliability_catalog(tmp_path / "catalog.yaml", simulator)


class Process:
    """The breakers of one process, on a connection of its own. `now` is what its clock says."""

    def __init__(self, client: Client, log: RecordedLog) -> None:
        self.now = NOW
        self.census = Census()
        self.store = BreakerStore(client, client.jetstream(timeout=5), log.logger)
        metrics = ProviderMetrics(CollectorRegistry())
        self.watch = BreakerWatch(self.census, self.store, metrics, log.logger, clock=lambda: self.now)

    def breaker(self, of: Option = A) -> Breaker:
        return self.census.health(of.key).breaker

    def standing(self, of: Option = A) -> Standing:
        return self.breaker(of).standing(self.now)

    def ends(self, verdict: Verdict, *, times: int = 1, probe: bool = False, of: Option = A) -> None:
        for _ in range(times):
            self.watch.ended(of, verdict, began=self.now, probe=probe)

    async def is_at(self, standing: Standing, of: Option = A) -> None:
        await eventually(lambda: self.standing(of) is standing, what=f"the breaker did not become {standing.name}")

    async def is_open_for_the(self, number: int) -> bool:
        opening = self.breaker().opening
        return opening is not None and opening.number == number


@asynccontextmanager
async def process(pipeline: Pipeline, log: RecordedLog) -> AsyncIterator[Process]:
    client = await nats.connect(pipeline.settings.nats_url.unicode_string())
    found = Process(client, log)
    await found.watch.open()
    await client.flush()
    try:
        yield found
    finally:
        await found.watch.close()
        await client.close()


async def test_a_breaker_that_one_process_opens_and_closes_is_open_and_closed_in_the_others(
    pipeline: Pipeline, log: RecordedLog
) -> None:
    async with process(pipeline, log) as one, process(pipeline, log) as other:
        one.ends(Verdict.FAILED, times=STREAK)
        await other.is_at(Standing.OPEN)
        assert other.breaker().opening == one.breaker().opening
        one.now = other.now = NOW + OPEN_FOR
        assert await other.watch.may_probe(A)
        other.ends(Verdict.GOOD, probe=True)
        await one.is_at(Standing.CLOSED)
    assert len(log.events("breaker_opened")) == len(log.events("breaker_closed")) == 1, "each is told of once"


async def test_a_process_that_starts_hears_what_was_found_out_before(pipeline: Pipeline, log: RecordedLog) -> None:
    async with process(pipeline, log) as one:
        one.ends(Verdict.FAILED, times=STREAK)
        await eventually(lambda: pipeline.held(f"KV_{BREAKERS}"))
    async with process(pipeline, log) as later:
        await later.is_at(Standing.OPEN)


async def test_a_process_that_starts_may_have_new_credentials(pipeline: Pipeline, log: RecordedLog) -> None:
    async with process(pipeline, log) as one, process(pipeline, log) as other:
        one.ends(Verdict.REFUSED)
        await other.is_at(Standing.OPEN)
        one.ends(Verdict.FAILED, times=STREAK, of=B)
        await other.is_at(Standing.OPEN, of=B)
    async with process(pipeline, log) as later:
        await later.is_at(Standing.OPEN, of=B)
        assert later.standing() is Standing.CLOSED


async def test_of_all_processes_one_probes(pipeline: Pipeline, log: RecordedLog) -> None:
    async with process(pipeline, log) as one, process(pipeline, log) as two, process(pipeline, log) as three:
        one.ends(Verdict.FAILED, times=STREAK)
        for found in (two, three):
            await found.is_at(Standing.OPEN)
        leave = await asyncio.gather(*(found.watch.may_probe(A) for found in (one, two, three)))
        assert sorted(leave) == [False, False, True]
        prober = (one, two, three)[leave.index(True)]
        others = [found for found in (one, two, three) if found is not prober]
        prober.now = NOW + OPEN_FOR
        prober.ends(Verdict.FAILED, probe=True)
        for found in others:
            await eventually(partial(found.is_open_for_the, 2))
            assert found.standing() is Standing.OPEN
        # The probe is over: whoever comes first when the time is over has the next one.
        assert await eventually(lambda: others[0].watch.may_probe(A))
        assert not await others[1].watch.may_probe(A)


async def test_a_probe_whose_process_died_is_free_again_after_a_while(
    pipeline: Pipeline, log: RecordedLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(breaker_store, "_LEASE", 1.0)
    async with process(pipeline, log) as one, process(pipeline, log) as other:
        assert await one.watch.may_probe(A)
        assert not await other.watch.may_probe(A)
        assert await eventually(lambda: other.watch.may_probe(A), within=10)


async def test_without_the_bucket_a_process_goes_by_what_it_sees_itself(pipeline: Pipeline, log: RecordedLog) -> None:
    await pipeline.js.delete_stream(f"KV_{BREAKERS}")
    async with process(pipeline, log) as alone:
        alone.ends(Verdict.FAILED, times=STREAK)
        assert alone.standing() is Standing.OPEN
        assert await alone.watch.may_probe(A)
        await eventually(lambda: log.events("breakers_not_shared"))


async def test_a_bucket_that_is_made_later_is_found(pipeline: Pipeline, log: RecordedLog) -> None:
    await pipeline.js.delete_stream(f"KV_{BREAKERS}")
    async with process(pipeline, log) as early:
        await pipeline.configure()
        async with process(pipeline, log) as other:
            other.ends(Verdict.FAILED, times=STREAK)
            await early.is_at(Standing.OPEN)


async def test_what_one_worker_finds_out_spares_the_other_the_calls(
    pipeline: Pipeline, workers: StartWorkers, simulator: Simulator
) -> None:
    async with workers("routing", "provider"):
        for _ in range(STREAK):
            await answered(pipeline, "down")
    async with workers("routing", "provider"):
        found = [await answered(pipeline, "down") for _ in range(3)]
    assert [answer.attempts for answer in found] == [1, 1, 1]
    assert simulator.stats()["by_model"] == {"sim-error-500@tokens=6": STREAK, GOOD: STREAK + 3}
