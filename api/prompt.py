"""From the body of an HTTP request to the message that is published: looked at, and passed on byte for byte."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson

from api.dialects.anthropic import BETA_HEADER, VERSION_HEADER
from api.dialects.dialect import STAGE, Header
from contracts import envelope
from contracts.errors import ErrorCode, PenstockError
from contracts.inference import ANTHROPIC_COUNT_TOKENS, ANTHROPIC_MESSAGES
from contracts.tags import read_tags

TIMEOUT_HEADER = "x-penstock-timeout"
"""Seconds that the caller is ready to wait; at most the platform's own limit."""
RESIDENCY_HEADER = "x-penstock-residency"
CACHE_HEADER = "x-penstock-cache"
DROP_PARAMS_HEADER = "x-penstock-drop-params"
TAGS_HEADER = "x-penstock-tags"
"""The caller's own, for reports: `team=search,feature=faq`."""
_LONGEST_BETA = 1024
_VERSIONED = (ANTHROPIC_MESSAGES, ANTHROPIC_COUNT_TOKENS)


@dataclass(frozen=True, slots=True)
class Prompt:
    """What the ingress needs to know of a request; all else is the validation worker's business.

    `parsed` is `raw` as an object; `head` are the fields of `InferenceRequested` that go before it.
    """

    raw: bytes
    parsed: dict[str, Any]
    head: dict[str, Any]
    tracestate: str | None
    deadline: datetime

    @property
    def model(self) -> str:
        """As far as a log line shows it."""
        return str(self.parsed.get("model") or "")[:256]

    @property
    def stream(self) -> bool:
        """Whether the caller wants events."""
        return self.parsed.get("stream") is True

    @property
    def include_usage(self) -> bool:
        """Whether a chat's caller wants the chunk with the usage."""
        options = self.parsed.get("stream_options")
        return isinstance(options, dict) and options.get("include_usage") is True

    def until(self, deadline: datetime) -> "Prompt":
        """The same, with another deadline."""
        return replace(self, deadline=deadline)

    def message(self, request_id: str) -> bytes:
        """The body of `inference.requested`, around the caller's own bytes."""
        head = orjson.dumps({"request_id": request_id, **self.head, "deadline": envelope.rfc3339(self.deadline)})
        return head[:-1] + b',"request":' + self.raw + b"}"


def read_prompt(raw: bytes, header: Header, longest: float, api: str) -> Prompt:
    """Raises `PenstockError` (`invalid_request`) for what is no JSON object, or for headers that can't be understood.

    `longest` is the longest wait, in seconds.
    """
    try:
        parsed = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        raise _invalid(f"the request body is no JSON: {error}") from None
    if not isinstance(parsed, dict):
        raise _invalid("the request body must be a JSON object")
    head = {
        "api": api,
        "cache_control": _cache_control(header("cache-control")),
        "no_semantic": _one_of(header, CACHE_HEADER, "no-semantic") is not None,
        "residency": _one_of(header, RESIDENCY_HEADER, "local"),
        "drop_params": _one_of(header, DROP_PARAMS_HEADER, "true") is not None,
        "api_version": header(VERSION_HEADER) if api in _VERSIONED else None,
        "beta": _beta(header(BETA_HEADER)),
        "tags": _tags(header(TAGS_HEADER)),
    }
    return Prompt(
        raw=raw,
        parsed=parsed,
        head={name: value for name, value in head.items() if value},
        tracestate=header(envelope.TRACESTATE),
        deadline=datetime.now(UTC) + timedelta(seconds=_timeout(header(TIMEOUT_HEADER), longest)),
    )


def _cache_control(header: str | None) -> str | None:
    asked = {part.strip().lower() for part in (header or "").split(",")}
    return next((control for control in ("no-store", "no-cache") if control in asked), None)


def _one_of(header: Header, name: str, known: str) -> str | None:
    value = header(name)
    if value is not None and value.lower() != known:
        raise _invalid(f"{name} must be «{known}», or not be there", name)
    return None if value is None else known


def _beta(header: str | None) -> str | None:
    if header is not None and (len(header) > _LONGEST_BETA or not header.isascii() or not header.isprintable()):
        raise _invalid(f"{BETA_HEADER} must be at most {_LONGEST_BETA} printable characters", BETA_HEADER)
    return header


def _tags(header: str | None) -> dict[str, str] | None:
    if not header:
        return None
    try:
        return read_tags(header)
    except ValueError as error:
        raise _invalid(f"{TAGS_HEADER}: {error}", TAGS_HEADER) from None


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
