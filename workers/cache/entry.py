"""Between a terminal message and a cache entry."""

from collections.abc import Mapping
from decimal import Decimal

from contracts import envelope
from contracts.apis.fields import Json
from contracts.apis.responses.replay import restamped
from contracts.apis.shape import SHAPES
from contracts.apis.translate import Origin
from contracts.cache import HIT, CacheStored
from contracts.inference import OPENAI_RESPONSES, InferenceCompleted, TokenUsage
from contracts.responses import response_id_of
from infra.catalog import Catalog


def worth_keeping(completed: InferenceCompleted) -> bool:
    """Whether the answer came to its own end: a filtered or broken-off one is never given twice."""
    return SHAPES[completed.api].is_whole(completed.response)


def is_kept(completed: InferenceCompleted, catalog: Catalog) -> bool:
    """Whether the answer is given again: it is whole, and of no model whose answers are not.

    Which model that is nobody knew beforehand, where the router has chosen it or another one's failure has.
    """
    model = catalog.model_of(completed.deployment)
    return worth_keeping(completed) and (model is None or model.cache.exact)


def is_confidential(headers: Mapping[str, str]) -> bool:
    """What a request's envelope says of what it rests on."""
    return headers.get(envelope.CONFIDENTIAL) == "true"


def entry_of(completed: InferenceCompleted, *, confidential: bool = False) -> CacheStored:
    """What is kept of an answer. `confidential`: what goes on from it is to stay in the house, as it did."""
    return CacheStored(
        model=completed.model,
        deployment=completed.deployment,
        provider_model=completed.provider_model,
        route=completed.route,
        response=completed.response,
        usage=completed.usage,
        cost_usd=completed.cost_usd,
        latency_ms=completed.latency_ms,
        confidential=confidential,
    )


def answer_from(entry: CacheStored, origin: Origin, api: str, request: Json) -> InferenceCompleted:
    """The answer again. No provider was called: no attempt, no tokens, no cost.

    A response of OpenAI's can be asked for by its id, so it gets one of its own.
    """
    response = entry.response
    if api == OPENAI_RESPONSES:
        response_id = response_id_of(origin.request_id)
        response = restamped(response, response_id=response_id, created_at=origin.created_at, request=request)
    return InferenceCompleted(
        request_id=origin.request_id,
        api=api,
        response=response,
        model=entry.model,
        deployment=entry.deployment,
        provider_model=entry.provider_model,
        route=entry.route,
        cache=HIT,
        attempts=0,
        usage=TokenUsage(),
        cost_usd=Decimal(0),
        saved_usd=entry.cost_usd,
    )
