"""Between a terminal message and a cache entry."""

from decimal import Decimal

from contracts.cache import CacheStored
from contracts.inference import InferenceCompleted, TokenUsage

_WHOLE = frozenset({"stop", "length", "tool_calls", "function_call"})


def worth_keeping(completed: InferenceCompleted) -> bool:
    """Whether every choice came to its own end: a filtered or broken-off answer is never given twice."""
    choices = completed.response.get("choices") or []
    return bool(choices) and all(choice.get("finish_reason") in _WHOLE for choice in choices)


def entry_of(completed: InferenceCompleted) -> CacheStored:
    """What is kept of an answer."""
    return CacheStored(
        model=completed.model,
        deployment=completed.deployment,
        provider_model=completed.provider_model,
        route=completed.route,
        response=completed.response,
        usage=completed.usage,
    )


def answer_from(entry: CacheStored, request_id: str, api: str) -> InferenceCompleted:
    """The answer again. No provider was called: no attempt, no tokens, no cost."""
    return InferenceCompleted(
        request_id=request_id,
        api=api,
        response=entry.response,
        model=entry.model,
        deployment=entry.deployment,
        provider_model=entry.provider_model,
        route=entry.route,
        cache="hit",
        attempts=0,
        usage=TokenUsage(),
        cost_usd=Decimal(0),
    )
