"""OpenAI's POST /v1/chat/completions. Shapes: the API reference, as the `openai` SDK 3.54 types them."""

from itertools import zip_longest
from typing import Any

import orjson

from infra.simulator.answers import Answer, Choice, Finish, Usage
from infra.simulator.dialect import Script, Stamp
from infra.simulator.errors import ApiError, ErrorKind, invalid
from infra.simulator.requests import (
    ChatRequest,
    load_object,
    read_flag,
    read_integer,
    read_model,
    read_strings,
    read_turns,
)

_ROLES = frozenset({"system", "developer", "user", "assistant", "tool", "function"})
_FINISH = {Finish.END: "stop", Finish.STOP_SEQUENCE: "stop", Finish.LENGTH: "length"}
_ERROR_TYPES = {ErrorKind.RATE_LIMIT: "requests", ErrorKind.SERVER: "server_error"}
_MAX_CHOICES = 128
_MAX_STOPS = 4
_MAX_TOKENS = 2**31 - 1
_DONE = b"data: [DONE]\n\n"


class OpenAIDialect:
    """Chat completions, JSON and SSE."""

    request_id_header = b"x-request-id"
    broken_event = b'data: {"id": "chatcmpl-broken", "choices": [{"delta"\n\n'

    def parse(self, body: bytes) -> ChatRequest:
        """The request in a body; ApiError 400 for a bad one."""
        fields = load_object(body)
        stream = read_flag(fields, "stream")
        return ChatRequest(
            model=read_model(fields),
            turns=read_turns(fields, _ROLES),
            max_tokens=_limit(fields),
            stops=_stops(fields),
            choices=read_integer(fields, "n", 1, _MAX_CHOICES) or 1,
            stream=stream,
            include_usage=_include_usage(fields, stream=stream),
        )

    def reply(self, request: ChatRequest, answer: Answer, stamp: Stamp) -> bytes:
        """A `chat.completion`."""
        choices = [_choice(index, choice) for index, choice in enumerate(answer.choices)]
        envelope = _envelope("chat.completion", request, stamp)
        return orjson.dumps(envelope | {"choices": choices, "usage": _usage(answer.usage)})

    def script(self, request: ChatRequest, answer: Answer, stamp: Stamp) -> Script:
        """`chat.completion.chunk`s: the role, one a token, the finish reasons, the usage where asked for, [DONE]."""
        frame = _Frame(request, stamp)
        choices = tuple(enumerate(answer.choices))
        role = orjson.dumps({"role": "assistant", "content": "", "refusal": None})
        steps = zip_longest(*(frame.deltas(index, choice.tokens) for index, choice in choices), fillvalue=b"")
        tail = [frame.chunk(index, b"{}", b'"%s"' % _FINISH[choice.finish].encode()) for index, choice in choices]
        if request.include_usage:
            tail.append(frame.last(answer.usage))
        return Script(
            head=b"".join(frame.chunk(index, role) for index, _ in choices),
            tokens=tuple(b"".join(step) for step in steps),
            tail=b"".join((*tail, _DONE)),
        )

    def error(self, error: ApiError, stamp: Stamp) -> bytes:
        """An `error` object."""
        kind = _ERROR_TYPES.get(error.kind, "invalid_request_error")
        body = {"message": error.message, "type": kind, "param": error.param, "code": error.code}
        return orjson.dumps({"error": body})

    def error_event(self, error: ApiError, stamp: Stamp) -> bytes:
        """A data line that holds an `error` object; no [DONE] follows it."""
        return b"data: %s\n\n" % self.error(error, stamp)


class _Frame:
    """What every chunk of a stream repeats, encoded once."""

    def __init__(self, request: ChatRequest, stamp: Stamp) -> None:
        self._head = b"data: " + orjson.dumps(_envelope("chat.completion.chunk", request, stamp))[:-1]
        self._end = b',"usage":null}\n\n' if request.include_usage else b"}\n\n"

    def chunk(self, index: int, delta: bytes, finish: bytes = b"null") -> bytes:
        before, after = self._around(index, finish)
        return b"".join((before, delta, after))

    def deltas(self, index: int, tokens: tuple[str, ...]) -> list[bytes]:
        before, after = self._around(index, b"null")
        before, after = before + b'{"content":', b"}" + after
        return [b"".join((before, orjson.dumps(token), after)) for token in tokens]

    def last(self, usage: Usage) -> bytes:
        return b'%s,"choices":[],"usage":%s}\n\n' % (self._head, orjson.dumps(_usage(usage)))

    def _around(self, index: int, finish: bytes) -> tuple[bytes, bytes]:
        return (
            b'%s,"choices":[{"index":%d,"delta":' % (self._head, index),
            b',"logprobs":null,"finish_reason":%s}]%s' % (finish, self._end),
        )


def _envelope(kind: str, request: ChatRequest, stamp: Stamp) -> dict[str, Any]:
    return {
        "id": f"chatcmpl-{stamp.hex_id[:29]}",
        "object": kind,
        "created": stamp.created,
        "model": request.model,
        "service_tier": "default",
        "system_fingerprint": "fp_simulator",
    }


def _choice(index: int, choice: Choice) -> dict[str, Any]:
    return {
        "index": index,
        "message": {"role": "assistant", "content": choice.text, "refusal": None, "annotations": []},
        "logprobs": None,
        "finish_reason": _FINISH[choice.finish],
    }


def _usage(usage: Usage) -> dict[str, Any]:
    return {
        "prompt_tokens": usage.prompt_tokens,
        "completion_tokens": usage.completion_tokens,
        "total_tokens": usage.prompt_tokens + usage.completion_tokens,
        "prompt_tokens_details": {"cached_tokens": usage.cached_tokens, "audio_tokens": 0},
        "completion_tokens_details": {
            "reasoning_tokens": 0,
            "audio_tokens": 0,
            "accepted_prediction_tokens": 0,
            "rejected_prediction_tokens": 0,
        },
    }


def _limit(fields: dict[str, Any]) -> int | None:
    limit = read_integer(fields, "max_completion_tokens", 1, _MAX_TOKENS)
    return limit if limit is not None else read_integer(fields, "max_tokens", 1, _MAX_TOKENS)


def _stops(fields: dict[str, Any]) -> tuple[str, ...]:
    stop = fields.get("stop")
    stops = read_strings({"stop": [stop]} if isinstance(stop, str) else fields, "stop")
    if len(stops) > _MAX_STOPS:
        raise invalid(
            "stop", f"expected at most {_MAX_STOPS} sequences, but got {len(stops)}", "array_above_max_length"
        )
    return stops


def _include_usage(fields: dict[str, Any], *, stream: bool) -> bool:
    options = fields.get("stream_options")
    if options is None:
        return False
    if not isinstance(options, dict):
        raise invalid("stream_options", "expected an object", "invalid_type")
    if not stream:
        raise invalid("stream_options", "it is only allowed when 'stream' is true")
    return read_flag(options, "include_usage", "stream_options.")
