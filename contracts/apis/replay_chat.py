"""A whole chat completion as the chunks of a stream: how a cached answer is streamed."""

from collections.abc import Iterator

from contracts.apis.fields import Json


def replay_completion(completion: Json, *, include_usage: bool) -> Iterator[Json]:
    """Role, content and end of each choice, and usage where it was asked for."""
    head = {name: value for name, value in completion.items() if name not in ("choices", "usage", "object")}
    head["object"] = "chat.completion.chunk"
    for choice in completion.get("choices", ()):
        for delta, finish in _steps(choice):
            yield {**head, "choices": [{"index": choice.get("index", 0), "delta": delta, "finish_reason": finish}]}
    if include_usage and completion.get("usage"):
        yield {**head, "choices": [], "usage": completion["usage"]}


def _steps(choice: Json) -> Iterator[tuple[Json, str | None]]:
    message = choice.get("message") or {}
    calls = message.get("tool_calls")
    said = {name: value for name, value in message.items() if name not in ("role", "tool_calls") and value is not None}
    yield {"role": message.get("role", "assistant"), "content": None if calls and not said else ""}, None
    if calls:
        said["tool_calls"] = [{"index": index, **call} for index, call in enumerate(calls)]
    if said:
        yield said, None
    yield {}, choice.get("finish_reason")
