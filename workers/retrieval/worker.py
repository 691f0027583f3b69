"""Wiring: searches and evaluations, asked for over core NATS, answered to whoever asked; `ungrounded` in, `validated`
or `failed` out.
"""

from contracts import subjects
from contracts.errors import PenstockError
from contracts.inference import ErrorBody
from contracts.registry import template_of
from contracts.retrieval import (
    ClosenessAnswered,
    ClosenessRequested,
    EvaluationAnswered,
    EvaluationRequested,
    RetrievalAnswered,
    RetrievalRequested,
)
from infra.dispatch.contract import read_contract
from infra.dispatch.job import identify_forwarded
from infra.dispatch.stage import Stage, StageSpec
from infra.telemetry.metrics import RetrievalMetrics
from infra.telemetry.tracing import Span
from workers.context import Worker, WorkerContext
from workers.door import require_enabled
from workers.embedders import embedders_of
from workers.retrieval.answering import Answering, Door
from workers.retrieval.errors import STAGE
from workers.retrieval.grounding import Grounder
from workers.retrieval.service import Service


def build(context: WorkerContext) -> Worker:
    """The retrieval worker."""
    embedders = embedders_of(context)
    service = Service(context.settings, embedders, context.tracer, RetrievalMetrics(context.registry), context.courtesy)

    async def search(tenant: str, body: bytes, span: Span) -> bytes:
        request = read_contract(RetrievalRequested, body, what="retrieval.requested", stage=STAGE)
        require_enabled(await context.policies.of(tenant, None), STAGE)
        return _told(await service.search(tenant, request, span.context))

    async def evaluate(tenant: str, body: bytes, span: Span) -> bytes:
        request = read_contract(EvaluationRequested, body, what="evaluation.requested", stage=STAGE)
        require_enabled(await context.policies.of(tenant, None), STAGE)
        return _told(await service.evaluate(tenant, request, span.context))

    async def compare(tenant: str, body: bytes, span: Span) -> bytes:
        request = read_contract(ClosenessRequested, body, what="closeness.requested", stage=STAGE)
        return (await service.closeness(tenant, request, span.context)).model_dump_json().encode()

    doors = (
        Door(subjects.retrieval_requested("*"), subjects.retrieval_requested("{tenant}"), search, _no_search),
        Door(subjects.evaluation_requested("*"), subjects.evaluation_requested("{tenant}"), evaluate, _no_evaluation),
        Door(subjects.closeness_requested("*"), subjects.closeness_requested("{tenant}"), compare, _no_comparison),
    )
    client = context.connection.client
    answering = [Answering(client, door, STAGE, context.tracer, context.log) for door in doors]

    async def open_all() -> None:
        await embedders.open()
        for each in answering:
            await each.open()

    async def close_all() -> None:
        for each in answering:
            await each.close(context.settings.drain_timeout)
        await embedders.close()
        await service.close()

    grounder = Grounder(service, context.catalog, context.settings.grounding_tokens)
    spec = StageSpec(STAGE, template_of("inference.ungrounded"), identify_forwarded, context.settings.stage_concurrency)
    return Worker((Stage(spec, grounder.handle, context.subscriptions["retrieval"]),), open_all, close_all)


def _told(answer: RetrievalAnswered | EvaluationAnswered) -> bytes:
    if answer.error is not None:
        raise answer.error.to_error()
    return answer.model_dump_json().encode()


def _no_comparison(error: PenstockError) -> bytes:
    return ClosenessAnswered(error=ErrorBody.of(error)).model_dump_json().encode()


def _no_search(error: PenstockError) -> bytes:
    return RetrievalAnswered(error=ErrorBody.of(error)).model_dump_json().encode()


def _no_evaluation(error: PenstockError) -> bytes:
    return EvaluationAnswered(error=ErrorBody.of(error)).model_dump_json().encode()
