"""A chat completion, as the Response that was asked for; and the Response of a request that has none yet."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from contracts.apis.answered import count_in, object_in, object_of
from contracts.apis.fields import Json
from contracts.apis.responses.output import logprobs_of, output_items
from contracts.apis.responses.settings import settings
from contracts.errors import ErrorCode, PenstockError

_INCOMPLETE = {"length": "max_output_tokens", "content_filter": "content_filter"}
"""A chat's finish reasons that say that there would be more, and what a Response calls them."""
_TIERS = frozenset({"auto", "default", "flex", "scale", "priority", "fast", "ultrafast"})
_ERRORS = {ErrorCode.RATE_LIMITED: "rate_limit_exceeded", ErrorCode.INVALID_REQUEST: "invalid_prompt"}
"""The set of a Response's error codes is closed: what it has no word for is a `server_error`."""


@dataclass(frozen=True, slots=True)
class Ending:
    """How a chat completion ended, and what it cost: the parts of one that are not its message."""

    model: str
    finish_reason: str | None = None
    usage: Json | None = None
    service_tier: str | None = None

    @property
    def incomplete(self) -> bool:
        return self.finish_reason in _INCOMPLETE


def to_response(
    completion: Json, request: Json, *, response_id: str, created_at: int, search: Json | None = None
) -> Json:
    """The Response that a whole chat completion makes; `created_at` in Unix seconds.

    `search` is the item of a search that was made for it. The ids of the other items follow from `response_id`. Raises
    `KeyError`, `TypeError` or `ValueError` for no completion.
    """
    choice = _first(completion["choices"])
    ending = Ending(
        completion.get("model") or request["model"],
        choice.get("finish_reason"),
        object_in(completion, "usage"),
        completion.get("service_tier"),
    )
    output = output_items(object_of(choice["message"]), logprobs_of(choice), response_id, incomplete=ending.incomplete)
    output = output if search is None else [search, *output]
    return finished(request, output, ending, response_id=response_id, created_at=created_at)


def finished(request: Json, output: list[Json], ending: Ending, *, response_id: str, created_at: int) -> Json:
    """The Response with that output. Raises `TypeError` for a usage of another shape."""
    status = "incomplete" if ending.incomplete else "completed"
    response = unfinished(request, response_id=response_id, created_at=created_at, status=status)
    reason = _INCOMPLETE.get(ending.finish_reason or "")
    return {
        **response,
        "incomplete_details": {"reason": reason} if reason else None,
        "model": ending.model,
        "output": output,
        "service_tier": ending.service_tier if ending.service_tier in _TIERS else "default",
        "usage": _usage(ending.usage) if ending.usage else None,
    }


def unfinished(
    request: Json, *, response_id: str, created_at: int, status: str, error: Mapping[str, Any] | None = None
) -> Json:
    """The Response of a request without an answer: queued, in_progress, failed (with its `error`) or cancelled.

    Raises `KeyError` for a request without a model.
    """
    return {
        "id": response_id,
        "object": "response",
        "created_at": created_at,
        "status": status,
        "error": dict(error) if error is not None else None,
        "incomplete_details": None,
        "model": request["model"],
        "output": [],
        **settings(request),
        "usage": None,
    }


def error_of(error: PenstockError) -> Json:
    """A Response's `error`: a code out of OpenAI's closed set, and the sentence."""
    return {"code": _ERRORS.get(error.code, "server_error"), "message": error.message}


def _first(choices: list[object]) -> Json:
    for choice in map(object_of, choices):
        if (choice.get("index") or 0) == 0:
            return choice
    raise ValueError("a completion without a choice")


def _usage(usage: Json) -> Json:
    prompt, completion = count_in(usage, "prompt_tokens"), count_in(usage, "completion_tokens")
    read = object_in(usage, "prompt_tokens_details")
    written = object_in(usage, "completion_tokens_details")
    return {
        "input_tokens": prompt,
        "input_tokens_details": {
            "cached_tokens": count_in(read, "cached_tokens"),
            "cache_write_tokens": count_in(read, "cache_write_tokens"),
        },
        "output_tokens": completion,
        "output_tokens_details": {"reasoning_tokens": count_in(written, "reasoning_tokens")},
        "total_tokens": count_in(usage, "total_tokens") or prompt + completion,
    }
