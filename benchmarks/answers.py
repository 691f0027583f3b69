"""Is this the right answer? Each check gives a sentence on what is wrong with a body, or None."""

from collections.abc import Iterator
from typing import Any

import orjson


def fault_of_json(body: bytes, expected: str) -> str | None:
    """Check a chat completion: its text, and that usage came with it."""
    try:
        answer = orjson.loads(body)
        text = answer["choices"][0]["message"]["content"]
        total = answer["usage"]["total_tokens"]
    except (orjson.JSONDecodeError, KeyError, IndexError, TypeError):
        return f"the body is no chat completion: {_excerpt(body)}"
    return _fault_of(text, expected, total)


def fault_of_stream(body: bytes, expected: str) -> str | None:
    """Check a stream of chat completion chunks: its whole text, its usage, and that it ends with [DONE]."""
    text, total, last = "", 0, b""
    try:
        for last in _events(body):
            if last == b"[DONE]":
                continue
            chunk = orjson.loads(last)
            text += _delta(chunk)
            total = (chunk.get("usage") or {}).get("total_tokens", total)
    except (orjson.JSONDecodeError, AttributeError, KeyError, TypeError):
        return f"an event is no chat completion chunk: {_excerpt(last)}"
    if last != b"[DONE]":
        return f"the stream does not end with [DONE] but with: {_excerpt(last)}"
    return _fault_of(text, expected, total)


def has_token(body: bytes) -> bool:
    """Whether the events that are whole so far hold a first piece of text."""
    try:
        return any(event != b"[DONE]" and _delta(orjson.loads(event)) for event in _events(body[: body.rfind(b"\n")]))
    except (orjson.JSONDecodeError, AttributeError, KeyError, TypeError):
        return False  # `fault_of_stream` says what is wrong, once the stream has ended


def _events(body: bytes) -> Iterator[bytes]:
    for line in body.splitlines():
        if line.startswith(b"data:"):
            yield line[5:].strip()


def _delta(chunk: dict[str, Any]) -> str:
    choices = chunk.get("choices")
    return (choices[0]["delta"].get("content") or "") if choices else ""


def _fault_of(text: str, expected: str, total_tokens: int) -> str | None:
    if text != expected:
        return f"the answer belongs to another request, or is cut: {text[:120]!r} instead of {expected[:120]!r}"
    return None if total_tokens > 0 else "the answer carries no usage"


def _excerpt(body: bytes) -> str:
    return repr(body[:200])[1:]
