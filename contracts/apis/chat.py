"""OpenAI's chat completions: what a request and an answer say. https://platform.openai.com/docs/api-reference/chat"""

from typing import Any

from contracts.apis.counts import count, part, text_length
from contracts.apis.fields import Json
from contracts.inference import TokenUsage

_WHOLE = frozenset({"stop", "length", "tool_calls", "function_call"})


def tokens(usage: Any) -> TokenUsage | None:  # noqa: ANN401 - whatever JSON the provider sent
    """Out of a `usage` object, or None where there is none that can be read."""
    if not isinstance(usage, dict):
        return None
    read, written = part(usage, "prompt_tokens_details"), part(usage, "completion_tokens_details")
    return TokenUsage(
        input_tokens=count(usage.get("prompt_tokens")),
        output_tokens=count(usage.get("completion_tokens")),
        cached_input_tokens=count(read.get("cached_tokens")),
        reasoning_tokens=count(written.get("reasoning_tokens")),
        cache_write_tokens=count(read.get("cache_write_tokens")),
        input_audio_tokens=count(read.get("audio_tokens")),
        output_audio_tokens=count(written.get("audio_tokens")),
    )


def usage_in(chunk: Json, before: Any) -> Any:  # noqa: ANN401
    """The usage known after a chunk: the last one that names it counts."""
    return chunk.get("usage") or before


def finish_reasons(completion: Json) -> list[str]:
    """One a choice; empty where it did not finish."""
    return [choice.get("finish_reason") or "" for choice in completion.get("choices") or ()]


def is_whole(completion: Json) -> bool:
    """Whether every choice came to its own end: not filtered, not broken off."""
    reasons = finish_reasons(completion)
    return bool(reasons) and all(reason in _WHOLE for reason in reasons)


def prompt_characters(request: Json) -> int:
    """Of all messages."""
    return sum(text_length(message.get("content")) for message in request.get("messages") or ())


def answer_characters(completion: Json) -> int:
    """Of all choices."""
    messages = (choice.get("message") or {} for choice in completion.get("choices") or ())
    return sum(len(message.get("content") or "") for message in messages)
