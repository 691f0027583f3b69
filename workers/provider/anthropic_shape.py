"""Between OpenAI's chat completions and Anthropic's messages: text, system prompts, limits, stop reasons, usage.

https://docs.anthropic.com/en/api/messages. Tools and images come with "2 of 6"; until then they are refused by name,
not dropped.
"""

import time
from collections.abc import Iterator
from typing import Any

from contracts.errors import ErrorCode, PenstockError
from workers.provider.calls import STAGE

_DEFAULT_MAX_TOKENS = 4096
"""Anthropic wants a limit; OpenAI's callers need not name one."""
_FINISH = {"end_turn": "stop", "stop_sequence": "stop", "max_tokens": "length", "tool_use": "tool_calls"}
_NOT_YET = ("tools", "functions", "response_format", "logprobs", "audio", "modalities")


def to_messages_request(request: dict[str, Any], model: str, *, stream: bool) -> dict[str, Any]:
    """Raises `PenstockError` (`invalid_request`) naming the field that Anthropic can't be asked."""
    for field in _NOT_YET:
        if request.get(field):
            raise _unsupported(field)
    if (request.get("n") or 1) != 1:
        raise _unsupported("n")
    system, messages = _split_system(request["messages"])
    body: dict[str, Any] = {
        "model": model,
        "max_tokens": request.get("max_completion_tokens") or request.get("max_tokens") or _DEFAULT_MAX_TOKENS,
        "messages": messages,
        "stream": stream,
    }
    if system:
        body["system"] = system
    for name in ("temperature", "top_p"):
        if request.get(name) is not None:
            body[name] = min(request[name], 1.0)
    if stop := request.get("stop"):
        body["stop_sequences"] = [stop] if isinstance(stop, str) else stop
    return body


def to_completion(message: dict[str, Any]) -> dict[str, Any]:
    """Anthropic's message as a `chat.completion`. Raises `KeyError` or `TypeError` where it isn't one."""
    text = "".join(block["text"] for block in message["content"] if block["type"] == "text")
    return {
        "id": message["id"],
        "object": "chat.completion",
        "created": int(time.time()),
        "model": message["model"],
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": text},
                "finish_reason": _FINISH.get(message["stop_reason"], "stop"),
            }
        ],
        "usage": _usage(message["usage"]),
    }


class StreamTranslator:
    """Turns one message's stream events into chunks. `finished` once the provider said that the message is complete."""

    def __init__(self) -> None:
        self.finished = False
        self._base: dict[str, Any] = {}
        self._usage: dict[str, Any] = {}

    def chunks(self, event: dict[str, Any]) -> Iterator[dict[str, Any]]:
        """The chunks of one event; most events have one or none. Raises `KeyError` for an event of another shape."""
        match event["type"]:
            case "message_start":
                message = event["message"]
                self._usage = dict(message["usage"])
                self._base = {
                    "id": message["id"],
                    "object": "chat.completion.chunk",
                    "created": int(time.time()),
                    "model": message["model"],
                }
                yield self._chunk({"role": "assistant", "content": ""})
            case "content_block_delta" if event["delta"]["type"] == "text_delta":
                yield self._chunk({"content": event["delta"]["text"]})
            case "message_delta":
                self._usage |= event.get("usage") or {}
                yield self._chunk({}, _FINISH.get(event["delta"]["stop_reason"], "stop"))
            case "message_stop":
                self.finished = True
                yield {**self._base, "choices": [], "usage": _usage(self._usage)}
            case _:
                return

    def _chunk(self, delta: dict[str, Any], finish_reason: str | None = None) -> dict[str, Any]:
        return {**self._base, "choices": [{"index": 0, "delta": delta, "finish_reason": finish_reason}]}


def _split_system(messages: list[dict[str, Any]]) -> tuple[str, list[dict[str, Any]]]:
    system: list[str] = []
    rest: list[dict[str, Any]] = []
    for index, message in enumerate(messages):
        text = _text(message.get("content"), f"messages[{index}].content")
        if message["role"] in ("system", "developer"):
            system.append(text)
        elif message["role"] in ("user", "assistant") and not message.get("tool_calls"):
            rest.append({"role": message["role"], "content": text})
        else:
            raise _unsupported(f"messages[{index}].{'tool_calls' if message.get('tool_calls') else 'role'}")
    if not rest:
        raise _unsupported("messages", "needs at least one user message for this model")
    return "\n\n".join(system), rest


def _text(content: object, path: str) -> str:
    if isinstance(content, str):
        return content
    parts = content if isinstance(content, list) else []
    for index, part in enumerate(parts):
        if part.get("type") != "text":
            raise _unsupported(f"{path}[{index}].type")
    return "".join(part["text"] for part in parts)


def _usage(usage: dict[str, Any]) -> dict[str, Any]:
    # Anthropic counts cached input apart from input_tokens; OpenAI counts it within prompt_tokens.
    cached = usage.get("cache_read_input_tokens") or 0
    prompt = usage["input_tokens"] + cached + (usage.get("cache_creation_input_tokens") or 0)
    return {
        "prompt_tokens": prompt,
        "completion_tokens": usage["output_tokens"],
        "total_tokens": prompt + usage["output_tokens"],
        "prompt_tokens_details": {"cached_tokens": cached},
    }


def _unsupported(field: str, reason: str = "is not supported for this model's provider") -> PenstockError:
    return PenstockError(ErrorCode.INVALID_REQUEST, f"{field} {reason}", stage=STAGE, param=field)
