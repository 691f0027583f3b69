"""A chat completion as a stream of chunks. Shapes: the API reference, as the `openai` SDK 3.54 types them."""

from itertools import zip_longest

import orjson

from infra.simulator.answer import Answer, Choice, ToolCall, Usage
from infra.simulator.dialect import Script, Stamp
from infra.simulator.logprobs import logprobs_of
from infra.simulator.openai_parts import FINISH, envelope, shows_reasoning, tool_call, usage_object
from infra.simulator.requests import ChatRequest

_DONE = b"data: [DONE]\n\n"


def play(request: ChatRequest, answer: Answer, stamp: Stamp) -> Script:
    """The chunks: the role, one a token, the finish reasons, the usage where asked for, [DONE].

    A tool call's first token goes out behind a chunk of its own with the call's id and name.
    """
    frame = _Frame(request, stamp)
    choices = tuple(enumerate(answer.choices))
    steps = zip_longest(*(frame.steps(index, choice) for index, choice in choices), fillvalue=b"")
    tail = [frame.chunk(index, b"{}", b'"%s"' % FINISH[choice.finish].encode()) for index, choice in choices]
    if request.include_usage:
        tail.append(frame.last(answer.usage))
    return Script(
        head=b"".join(frame.opening(index, choice) for index, choice in choices),
        tokens=tuple(b"".join(step) for step in steps),
        tail=b"".join((*tail, _DONE)),
        usage=answer.usage,
    )


class _Frame:
    """What every chunk of a stream repeats, encoded once."""

    def __init__(self, request: ChatRequest, stamp: Stamp) -> None:
        self._head = b"data: " + orjson.dumps(envelope("chat.completion.chunk", request, stamp))[:-1]
        self._end = b',"usage":null}\n\n' if request.include_usage else b"}\n\n"
        self._stamp = stamp
        self._shows_reasoning = shows_reasoning(request)
        self._top_logprobs = request.top_logprobs

    def chunk(self, index: int, delta: bytes, finish: bytes = b"null") -> bytes:
        before, after = self._around(index, finish=finish)
        return b"".join((before, delta, after))

    def opening(self, index: int, choice: Choice) -> bytes:
        content = "" if choice.tokens or not choice.calls else None
        return self.chunk(index, orjson.dumps({"role": "assistant", "content": content, "refusal": None}))

    def steps(self, index: int, choice: Choice) -> list[bytes]:
        steps = self._texts(index, b"reasoning_content", choice.reasoning) if self._shows_reasoning else []
        if self._top_logprobs is None:
            steps += self._texts(index, b"content", choice.tokens)
        else:
            steps += self._scored(index, choice.tokens, self._top_logprobs)
        for number, call in enumerate(choice.calls):
            steps += self._call(index, number, call)
        return steps

    def last(self, usage: Usage) -> bytes:
        return b'%s,"choices":[],"usage":%s}\n\n' % (self._head, orjson.dumps(usage_object(usage)))

    def _texts(self, index: int, field: bytes, tokens: tuple[str, ...]) -> list[bytes]:
        before, after = self._around(index)
        before, after = b'%s{"%s":' % (before, field), b"}" + after
        return [b"".join((before, orjson.dumps(token), after)) for token in tokens]

    def _scored(self, index: int, tokens: tuple[str, ...], top: int) -> list[bytes]:
        steps = []
        for place, token in enumerate(tokens):
            before, after = self._around(index, logprobs=orjson.dumps(logprobs_of((token,), top, place)))
            steps.append(b'%s{"content":%s}%s' % (before, orjson.dumps(token), after))
        return steps

    def _call(self, index: int, number: int, call: ToolCall) -> list[bytes]:
        named = {"index": number, **tool_call(self._stamp, index, number, call.name, "")}
        before, after = self._around(index)
        before, after = b'%s{"tool_calls":[{"index":%d,"function":{"arguments":' % (before, number), b"}}]}" + after
        steps = [b"".join((before, orjson.dumps(token), after)) for token in call.tokens]
        steps[0] = self.chunk(index, orjson.dumps({"tool_calls": [named]})) + steps[0]
        return steps

    def _around(self, index: int, *, logprobs: bytes = b"null", finish: bytes = b"null") -> tuple[bytes, bytes]:
        return (
            b'%s,"choices":[{"index":%d,"delta":' % (self._head, index),
            b',"logprobs":%s,"finish_reason":%s}]%s' % (logprobs, finish, self._end),
        )
