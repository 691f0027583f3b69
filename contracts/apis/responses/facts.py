"""OpenAI's responses: what a request and an answer say. https://platform.openai.com/docs/api-reference/responses"""

from typing import Any

from contracts.apis.counts import count, part, text_length
from contracts.apis.fields import Json
from contracts.inference import TokenUsage


def tokens(usage: Any) -> TokenUsage | None:  # noqa: ANN401 - whatever JSON the provider sent
    """Out of a `usage` object, or None where there is none that can be read."""
    if not isinstance(usage, dict):
        return None
    read = part(usage, "input_tokens_details")
    return TokenUsage(
        input_tokens=count(usage.get("input_tokens")),
        output_tokens=count(usage.get("output_tokens")),
        cached_input_tokens=count(read.get("cached_tokens")),
        reasoning_tokens=count(part(usage, "output_tokens_details").get("reasoning_tokens")),
        cache_write_tokens=count(read.get("cache_write_tokens")),
    )


def usage_in(event: Json, before: Any) -> Any:  # noqa: ANN401
    """The usage known after an event: only the last one has it."""
    return (event.get("response") or {}).get("usage") or before


def finish_reasons(response: Json) -> list[str]:
    """The status, and why it is not `completed`."""
    reason = (response.get("incomplete_details") or {}).get("reason")
    return [reason or str(response.get("status") or "")]


def is_whole(response: Json) -> bool:
    """Whether it came to its own end, or to the caller's limit of tokens."""
    return finish_reasons(response)[0] in ("completed", "max_output_tokens")


def prompt_characters(request: Json) -> int:
    """Of the instructions and all input items."""
    asked = request.get("input")
    items = asked if isinstance(asked, list) else [{"content": asked}]
    texts = (item.get("content") or item.get("output") for item in items if isinstance(item, dict))
    return text_length(request.get("instructions")) + sum(text_length(text) for text in texts)


def answer_characters(response: Json) -> int:
    """Of its messages."""
    return sum(text_length(item.get("content")) for item in response.get("output") or ())
