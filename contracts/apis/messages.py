"""Anthropic's messages: what a request and an answer say. https://docs.anthropic.com/en/api/messages"""

from typing import Any

from contracts.apis.counts import count, part, text_length
from contracts.apis.fields import Json
from contracts.inference import TokenUsage

_WHOLE = frozenset({"end_turn", "stop_sequence", "max_tokens", "tool_use"})


def tokens(usage: Any) -> TokenUsage | None:  # noqa: ANN401 - whatever JSON the provider sent
    """Out of a `usage` object, or None where there is none. Anthropic counts cached input apart; here it is within."""
    if not isinstance(usage, dict):
        return None
    read, written = count(usage.get("cache_read_input_tokens")), count(usage.get("cache_creation_input_tokens"))
    return TokenUsage(
        input_tokens=count(usage.get("input_tokens")) + read + written,
        output_tokens=count(usage.get("output_tokens")),
        cached_input_tokens=read,
        reasoning_tokens=count(part(usage, "output_tokens_details").get("thinking_tokens")),
        cache_write_tokens=written,
        cache_write_1h_tokens=count(part(usage, "cache_creation").get("ephemeral_1h_input_tokens")),
    )


def usage_in(event: Json, before: Any) -> Any:  # noqa: ANN401
    """The usage known after an event: `message_start` has the input, `message_delta` the whole output so far."""
    found = event.get("usage") or (event.get("message") or {}).get("usage")
    return before if not found else (before or {}) | {name: value for name, value in found.items() if value is not None}


def finish_reasons(message: Json) -> list[str]:
    """The one stop reason; empty where it did not finish."""
    return [message.get("stop_reason") or ""]


def is_whole(message: Json) -> bool:
    """Whether it came to its own end: not refused, not paused, not broken off."""
    return message.get("stop_reason") in _WHOLE


def prompt_characters(request: Json) -> int:
    """Of the system prompt and all messages."""
    texts = [request.get("system"), *(message.get("content") for message in request.get("messages") or ())]
    return sum(text_length(text) for text in texts)


def answer_characters(message: Json) -> int:
    """Of its text blocks."""
    return text_length(message.get("content"))
