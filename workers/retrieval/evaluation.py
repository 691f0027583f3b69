"""Evaluations of a store: each version that answers, on each set of judged queries, by each leg."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime

from contracts.errors import ErrorCode, PenstockError
from contracts.inference import ErrorBody
from contracts.retrieval import EvaluationAnswered, EvaluationRequested, Measured, Mode, ReadBack
from infra.index.evaluation_sets import EvaluationSets, StoredSet
from infra.index.stores import Store
from infra.index.version import IndexVersion, VersionState
from infra.index.versions import IndexVersions
from infra.runtime import end_tasks
from infra.telemetry.labels import LatestGauge
from infra.telemetry.tracing import TraceContext
from workers.retrieval.errors import no_version, refused
from workers.retrieval.known_stores import KnownStores
from workers.retrieval.measuring import Measuring
from workers.retrieval.quality import gauged, kept

_ANSWERING = (VersionState.LIVE, VersionState.PAST)


@dataclass(frozen=True, slots=True)
class _Asked:
    """An evaluation of a store that has been resolved."""

    request: EvaluationRequested
    store: Store
    sets: Sequence[StoredSet]
    parent: TraceContext | None


class Evaluation:
    """Measures, and keeps what it found: with the versions, and as a metric."""

    def __init__(
        self,
        stores: KnownStores,
        versions: IndexVersions,
        sets: EvaluationSets,
        measuring: Measuring,
        gauge: LatestGauge,
    ) -> None:
        self._stores = stores
        self._versions = versions
        self._sets = sets
        self._measuring = measuring
        self._gauge = gauge
        self._running: dict[tuple[str, str], asyncio.Task[EvaluationAnswered]] = {}

    async def evaluate(
        self, tenant: str, request: EvaluationRequested, parent: TraceContext | None = None
    ) -> EvaluationAnswered:
        """What was measured, or in `error` why nothing could be. Whoever asks again what is being measured joins in: an
        evaluation may take longer than its caller waits, who would never get an answer else.
        """
        key = (tenant, request.model_dump_json())
        task = self._running.get(key)
        if task is None:
            task = self._running[key] = asyncio.create_task(self._answer(tenant, request, parent))
            task.add_done_callback(lambda _: self._running.pop(key))
        return await asyncio.shield(task)

    async def close(self) -> None:
        """Leave nothing running."""
        await end_tasks(*self._running.values())

    async def _answer(
        self, tenant: str, request: EvaluationRequested, parent: TraceContext | None
    ) -> EvaluationAnswered:
        try:
            store = await self._stores.find(tenant, request.store, anew=True)
            sets = await self._sets_of(store, request)
            return await self._evaluate(_Asked(request, store, sets, parent))
        except PenstockError as error:
            return EvaluationAnswered(error=ErrorBody.of(error))

    async def _evaluate(self, asked: _Asked) -> EvaluationAnswered:
        measured: list[Measured] = []
        read_back: list[ReadBack] = []
        problem: PenstockError | None = None
        for version in await self._versions_of(asked):
            modes, count = tuple(dict.fromkeys(asked.request.modes)), asked.request.read_back
            if (lacking := await self._lacks_its_model(version)) is not None:
                # What can be found by words alone can still be told.
                problem, modes, count = lacking, tuple(mode for mode in modes if mode == "text"), 0
            found = await self._quality(version, modes, asked)
            back = await self._measuring.read_back(version, count, asked.parent) if count else None
            await self._keep(version, asked, found, back)
            measured += found
            read_back += [back] if back else []
        if problem and not measured and not read_back:
            raise problem
        return EvaluationAnswered(store_id=asked.store.id, measured=tuple(measured), read_back=tuple(read_back))

    async def _sets_of(self, store: Store, request: EvaluationRequested) -> list[StoredSet]:
        tenant = store.tenant_id
        if request.evaluation_set is not None:
            return [await self._sets.find(tenant, store.id, request.evaluation_set)]
        sets = [await self._sets.find(tenant, store.id, info.name) for info in await self._sets.list(tenant, store.id)]
        if not sets and not request.read_back:
            raise refused("the vector store has no evaluation set to measure it with", "evaluation_set")
        return sets

    async def _versions_of(self, asked: _Asked) -> list[IndexVersion]:
        """Those that are named, or those that answer now or can be gone back to."""
        every = await self._versions.of_store(asked.store.tenant_id, asked.store.id)
        if asked.request.versions is None:
            return [version for version in every if version.state in _ANSWERING]
        there = {version.id: version for version in every if version.state != VersionState.DROPPED}
        for number in asked.request.versions:
            if number not in there:
                raise no_version(number)
        return [there[number] for number in dict.fromkeys(asked.request.versions)]

    async def _quality(self, version: IndexVersion, modes: Sequence[Mode], asked: _Asked) -> list[Measured]:
        return [
            measured
            for judged in asked.sets
            for measured in await self._measuring.quality(version, judged, modes, asked.parent)
        ]

    async def _lacks_its_model(self, version: IndexVersion) -> PenstockError | None:
        """Why nothing can be compared with the vectors of a version: its model is gone, or of another revision now."""
        try:
            await self._measuring.require_model(version)
        except PenstockError as error:
            if error.code is not ErrorCode.INVALID_REQUEST:
                raise
            return error
        return None

    async def _keep(
        self, version: IndexVersion, asked: _Asked, measured: Sequence[Measured], read_back: ReadBack | None
    ) -> None:
        tenant, store_id = asked.store.tenant_id, asked.store.id
        names = {info.name for info in await self._sets.list(tenant, store_id)}
        quality = kept(version, measured, read_back, names, datetime.now(UTC))
        # It was dropped while it was measured: what was found is told, and kept nowhere.
        with suppress(PenstockError):
            await self._versions.set_quality(tenant, version.id, quality)
        gauged(self._gauge, store_id, measured)
