"""Wiring: `documents.chunked` in, `documents.embedded` out; or `documents.failed`, where a model refuses a text."""

from typing import TYPE_CHECKING

from contracts.errors import PenstockError
from contracts.registry import template_of
from infra.claims import Claims
from infra.database.engine import create_engine
from infra.dispatch.emit import Emitter
from infra.dispatch.job import Job, identify_forwarded
from infra.dispatch.outcome import Outcome
from infra.dispatch.stage import Stage, StageSpec
from infra.streams import BATCH_SHARE, CHUNKED, LOCAL_POOL, embedding_subscriptions
from infra.telemetry.metrics import EmbeddingMetrics
from workers.context import Worker, WorkerContext
from workers.embedders import embedders_of
from workers.late import Late
from workers.leftovers import leftover_providers

if TYPE_CHECKING:
    from workers.embedding.handling import Handling

_CONNECTIONS = 3


def build(context: WorkerContext) -> Worker:
    """The embedding worker: a stage for this machine's models and one a provider, so that a slow one fills its own."""
    settings, js = context.settings, context.connection.js
    engine = create_engine(settings, pool_size=_CONNECTIONS)
    embedders, metrics = embedders_of(context), EmbeddingMetrics(context.registry)

    def make() -> "Handling":
        from workers.embedding.batch import STAGE, EmbeddingBatches
        from workers.embedding.handling import Handling

        batches = EmbeddingBatches(engine, embedders, context.tracer, metrics, context.courtesy)
        return Handling(engine, batches, Claims(js, STAGE))

    late = Late(make)
    emitter = Emitter(context.publisher, context.tracer)

    async def handle(job: Job) -> Outcome:
        return await (await late.get()).handle(job)

    async def given_up(job: Job, error: PenstockError) -> None:
        for publication in await (await late.get()).given_up(job, error):
            await emitter.emit(job, publication)

    width = settings.document_concurrency
    template = template_of("documents.chunked")

    def spec(pool: str) -> StageSpec:
        # A provider's documents wait for it, and take little of the processor meanwhile.
        return StageSpec(
            "embedding",
            template,
            identify_forwarded,
            width * BATCH_SHARE,
            terminal=False,
            given_up=given_up,
            gives_way=pool == LOCAL_POOL,
        )

    def stages(*more: str) -> tuple[Stage, ...]:
        pools = (LOCAL_POOL, *(provider.name for provider in context.catalog.current.providers), *more)
        return tuple(Stage(spec(pool), handle, embedding_subscriptions(pool, width)) for pool in pools)

    async def wanted() -> tuple[Stage, ...]:
        known = {LOCAL_POOL, *(provider.name for provider in context.catalog.current.providers)}
        return stages(*await leftover_providers(js, CHUNKED, "embedding", known))

    return Worker(stages(), embedders.open, engine.dispose, wanted, embedders.close)
