"""The semantic cache as the worker sees it: nothing is loaded before a model's catalogue entry asks for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from contracts import envelope
from infra.database.engine import create_engine
from infra.telemetry.metrics import SemanticMetrics
from workers.cache.allowed import allowed

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncEngine

    from contracts.apis.fields import Json
    from contracts.inference import InferenceCompleted
    from infra.dispatch.job import Job
    from workers.cache.semantic.filling import Filling
    from workers.cache.semantic.lookup import LookUp, SemanticHit
    from workers.cache.semantic.rules import Rules
    from workers.cache.store import CacheStore
    from workers.context import WorkerContext

_CONNECTIONS = 4


class Meaning:
    """Looks up after an exact miss, and learns from answers."""

    def __init__(self, context: WorkerContext, store: CacheStore) -> None:
        self._context = context
        self._store = store
        self._metrics = SemanticMetrics(context.registry)
        self._engine: AsyncEngine | None = None
        self._rules: Rules | None = None
        self._look_up: LookUp | None = None
        self._filling: Filling | None = None

    async def look_up(self, job: Job, body: Json) -> SemanticHit | None:
        """The answer to another question, or None; see `workers.cache.semantic.lookup`."""
        catalog = self._context.catalog.current
        if catalog.cache_of(job.headers.get(envelope.MODEL, "")).semantic is None:
            return None
        named = await allowed(self._context.policies, catalog, job)
        return await self._looking().look_up(job, body, named)

    async def learn(self, job: Job, answered: InferenceCompleted, *, kept: bool) -> None:
        """What an answer teaches; see `workers.cache.semantic.filling`."""
        if envelope.SEMANTIC in job.headers:
            await self._learning().take(job, answered, kept=kept)

    async def close(self) -> None:
        """Give the connections back."""
        if self._engine is not None:
            await self._engine.dispose()

    def _looking(self) -> LookUp:
        if self._look_up is None:
            from workers.cache.semantic.lookup import LookUp

            engine, rules = self._shared()
            found = self._context
            self._look_up = LookUp(
                engine, rules, self._store, found.catalog, found.local_models, self._metrics, found.log
            )
        return self._look_up

    def _learning(self) -> Filling:
        if self._filling is None:
            from workers.cache.semantic.filling import Filling

            engine, rules = self._shared()
            found = self._context
            life = found.settings.cache_ttl
            self._filling = Filling(engine, rules, found.local_models, self._metrics, found.log, life)
        return self._filling

    def _shared(self) -> tuple[AsyncEngine, Rules]:
        from workers.cache.semantic.rules import Rules

        if self._engine is None:
            self._engine = create_engine(self._context.settings, pool_size=_CONNECTIONS)
        if self._rules is None:
            self._rules = Rules(self._engine, self._metrics, self._context.log)
        return self._engine, self._rules
