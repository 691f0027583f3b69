"""From the body of an HTTP request to the message that is published: looked at, and passed on byte for byte."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson

from api.errors import STAGE
from contracts import envelope
from contracts.errors import ErrorCode, PenstockError
from contracts.inference import OPENAI_CHAT

TIMEOUT_HEADER = "x-penstock-timeout"
"""Seconds that the caller is ready to wait; at most the platform's own limit."""


@dataclass(frozen=True, slots=True)
class Prompt:
    """What the ingress needs to know of a request; all else is the validation worker's business."""

    raw: bytes
    model: str
    stream: bool
    include_usage: bool
    cache_control: str | None
    tracestate: str | None
    deadline: datetime

    def message(self, request_id: str) -> bytes:
        """The body of `inference.requested`, around the caller's own bytes."""
        head: dict[str, Any] = {
            "request_id": request_id,
            "api": OPENAI_CHAT,
            "deadline": envelope.rfc3339(self.deadline),
            "cache_control": self.cache_control,
        }
        return orjson.dumps(head)[:-1] + b',"request":' + self.raw + b"}"


def read_prompt(raw: bytes, headers: Mapping[str, str | None], longest: float) -> Prompt:
    """Raises `PenstockError` (`invalid_request`) for what is no JSON object, or for headers that can't be understood.

    `headers` are `cache-control`, `x-penstock-timeout` and `tracestate`; `longest` is the longest wait, in seconds.
    """
    try:
        parsed = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        raise _invalid(f"the request body is no JSON: {error}") from None
    if not isinstance(parsed, dict):
        raise _invalid("the request body must be a JSON object")
    options = parsed.get("stream_options")
    return Prompt(
        raw=raw,
        model=str(parsed.get("model") or "")[:256],
        stream=parsed.get("stream") is True,
        include_usage=isinstance(options, dict) and options.get("include_usage") is True,
        cache_control=_cache_control(headers.get("cache-control")),
        tracestate=headers.get(envelope.TRACESTATE),
        deadline=datetime.now(UTC) + timedelta(seconds=_timeout(headers.get(TIMEOUT_HEADER), longest)),
    )


def _cache_control(header: str | None) -> str | None:
    asked = {part.strip().lower() for part in (header or "").split(",")}
    return next((control for control in ("no-store", "no-cache") if control in asked), None)


def _timeout(header: str | None, longest: float) -> float:
    if header is None:
        return longest
    try:
        seconds = float(header)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds < float("inf"):
        raise _invalid(f"{TIMEOUT_HEADER} must be a number of seconds above 0", TIMEOUT_HEADER)
    return min(seconds, longest)


def _invalid(message: str, param: str | None = None) -> PenstockError:
    return PenstockError(ErrorCode.INVALID_REQUEST, message, stage=STAGE, param=param)
