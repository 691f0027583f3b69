"""What the simulator answers: a pure function of the request.

Text. An answer is `Echo:`, the first 12 tokens of the last user message (white space folded), then words of a fixed
list, chosen by a hash of the base model's name and the whole conversation, and a full stop. Its length is the `tokens`
knob, or 128 tokens for a model with `large` in its name and 32 for any other; a token limit cuts it, and a stop
sequence ends it before its first occurrence. The same conversation gives the same answer through either API, at any
speed, streamed or not; another conversation, model or choice of several gives other words.

Tools. A user's turn is answered by calls of the tools whose names are in its text, as whole words in any case, in the
order of the request's list; where the request demands a call and none is named, of the first tool; where it wants no
parallel calls, of one; where it forbids calls, by text. The arguments are valid for the tool's schema, by the same
hash (`schemas` says what is understood). No text goes before the calls unless the `tokens` knob gives it a length. A
conversation that ends with tool results is answered by text: `Echo:` and the first 32 tokens of each result, with
semicolons between them, so that a loop of tools ends.

Structured output. Under a JSON schema the text is JSON that is valid for it, by the same hash; where just a JSON object
is asked for, `{"echo": <what a text would echo>, "number": <one from 0 to 99>}`.

Reasoning. Where it is asked for, an effort's number of words (`requests.EFFORTS`) comes before anything else.

A token limit counts reasoning, text and calls together, and cuts wherever it is reached; what it cuts is then not valid
for its schema. A filtered answer is its first tokens as text.

Usage. A prompt is the tokens of its texts, of its earlier calls and of the tools it offers, 3 more a message for its
frame, and 85 an attachment (what OpenAI charges for a low-detail image); a completion is the tokens of its choices with
their reasoning.
"""

import hashlib
from dataclasses import dataclass, replace

import orjson

from infra.simulator.answer import Answer, Choice, Finish, ToolCall, Usage
from infra.simulator.errors import ApiError
from infra.simulator.fields import as_json, canonical
from infra.simulator.knobs import FIRST_CHUNKS, Knobs
from infra.simulator.requests import ChatRequest, Schema, Tool
from infra.simulator.schemas import example
from infra.simulator.thinking import thought
from infra.simulator.tokens import count_tokens, split_tokens
from infra.simulator.tools import called_tools, tool_results
from infra.simulator.words import Draw, spaced_words

ECHOED_TOKENS = 12
RESULT_TOKENS = 32
FRAME_TOKENS = 3
ATTACHMENT_TOKENS = 85
LENGTH = 32
LARGE_LENGTH = 128


@dataclass(frozen=True, slots=True)
class _Plan:
    """What the choices of an answer share; `filtered_after` is the length a filter cuts them to."""

    seed: bytes
    opening: list[str]
    length: int
    called: tuple[Tool, ...]
    filtered_after: int | None


def compose(request: ChatRequest, knobs: Knobs, *, filtered: bool = False) -> Answer:
    """The answer to a request, `filtered` or whole; ApiError 400 for a schema that no value is valid for."""
    plan = _plan(request, knobs, filtered=filtered)
    choices = tuple(_choice(request, plan, index) for index in range(request.choices))
    prompt = prompt_tokens(request)
    spent = sum(choice.length for choice in choices)
    reasoning = sum(len(choice.reasoning) for choice in choices)
    return Answer(choices, Usage(prompt, min(knobs.cached_tokens, prompt), spent, reasoning))


def prompt_tokens(request: ChatRequest) -> int:
    """How many tokens a request's prompt has."""
    offered = sum(_tool_tokens(tool) for tool in request.toolbox.tools)
    return offered + sum(
        count_tokens(turn.text)
        + FRAME_TOKENS
        + ATTACHMENT_TOKENS * len(turn.attachments)
        + sum(count_tokens(call.decode()) for call in turn.calls)
        for turn in request.turns
    )


def _plan(request: ChatRequest, knobs: Knobs, *, filtered: bool) -> _Plan:
    called = () if filtered else called_tools(request)
    results = tool_results(request)
    opening = _opening(results, RESULT_TOKENS) if results else _opening((_asked(request),), ECHOED_TOKENS)
    usual = 0 if called else max(LARGE_LENGTH if "large" in knobs.base else LENGTH, len(opening) + 1)
    length = usual if knobs.tokens is None else knobs.tokens
    after = FIRST_CHUNKS if knobs.after is None else knobs.after
    return _Plan(_seed(request, knobs.base), opening, length, called, after if filtered else None)


def _choice(request: ChatRequest, plan: _Plan, index: int) -> Choice:
    limit = request.max_tokens
    if not request.thought_tokens:
        return _said(request, plan, index, limit)
    seed = b"%d %s" % (index, plan.seed)
    reasoning = thought(seed, request.thought_tokens)[:limit]
    left = None if limit is None else limit - len(reasoning)
    return replace(_said(request, plan, index, left), reasoning=reasoning)


def _said(request: ChatRequest, plan: _Plan, index: int, limit: int | None) -> Choice:
    seed = b"%d %s" % (index, plan.seed)
    if plan.filtered_after is None and not plan.called:
        if request.output is not None:
            return _cut(_json_tokens(request.output, seed), limit, request.stops)
        if request.json_object:
            return _cut(_json_object(request, seed), limit, request.stops)
    text = _text(request, plan, seed, limit)
    if plan.filtered_after is not None:
        return Choice(text.tokens[: plan.filtered_after], Finish.FILTERED)
    if plan.called and text.finish is Finish.END:
        return _with_calls(text, plan.called, seed, None if limit is None else limit - len(text.tokens))
    return text


def _text(request: ChatRequest, plan: _Plan, seed: bytes, limit: int | None) -> Choice:
    length, opening = plan.length, plan.opening
    most = length if limit is None else min(length, limit)
    tokens = [*opening, *spaced_words(seed, max(0, most - len(opening)))][:most]
    if most == length > len(opening):
        tokens[-1] = "."
    return _stopped(tuple(tokens), Finish.END if most == length else Finish.LENGTH, request.stops)


def _cut(tokens: tuple[str, ...], limit: int | None, stops: tuple[str, ...]) -> Choice:
    finish = Finish.END if limit is None or len(tokens) <= limit else Finish.LENGTH
    return _stopped(tokens[:limit], finish, stops)


def _stopped(tokens: tuple[str, ...], finish: Finish, stops: tuple[str, ...]) -> Choice:
    if stops:
        text = "".join(tokens)
        found = [(place, stop) for stop in stops if (place := text.find(stop)) >= 0]
        if found:
            place, stop = min(found)
            return Choice(tuple(split_tokens(text[:place])), Finish.STOP_SEQUENCE, stop)
    return Choice(tokens, finish)


def _with_calls(text: Choice, called: tuple[Tool, ...], seed: bytes, limit: int | None) -> Choice:
    calls: list[ToolCall] = []
    for place, tool in enumerate(called):
        tokens = _json_tokens(tool.schema, b"call %d %s" % (place, seed))
        if limit is not None and len(tokens) > limit:
            if limit > 0:
                calls.append(ToolCall(tool.name, tokens[:limit]))
            return replace(text, calls=tuple(calls), finish=Finish.LENGTH)
        calls.append(ToolCall(tool.name, tokens))
        limit = None if limit is None else limit - len(tokens)
    return replace(text, calls=tuple(calls), finish=Finish.CALLS)


def _json_tokens(schema: Schema, seed: bytes) -> tuple[str, ...]:
    try:
        text = as_json(example(schema.body, seed))
    except ApiError as error:
        raise ApiError(error.kind, error.message, param=schema.where, code=error.code) from error
    return tuple(split_tokens(text.decode()))


def _json_object(request: ChatRequest, seed: bytes) -> tuple[str, ...]:
    echo = "".join(_opening((_asked(request),), ECHOED_TOKENS)[2:]).strip()
    return tuple(split_tokens(orjson.dumps({"echo": echo, "number": Draw(seed).below(100)}).decode()))


def _asked(request: ChatRequest) -> str:
    return next((turn.text for turn in reversed(request.turns) if turn.role == "user"), "")


def _opening(texts: tuple[str, ...], length: int) -> list[str]:
    tokens = ["Echo", ":"]
    for place, text in enumerate(texts):
        # A text may be very long; what is echoed of it stands at its front.
        folded = " ".join(text[:1000].split())
        if place:
            tokens.append(";")
        tokens.extend(split_tokens(f" {folded}" if folded else "")[:length])
    return tokens


def _seed(request: ChatRequest, base: str) -> bytes:
    hashed = hashlib.blake2b(base.encode(), digest_size=16)
    for turn in request.turns:
        hashed.update(b"\0".join((b"", turn.role.encode(), turn.text.encode(), *turn.attachments, *turn.calls)))
    return hashed.digest()


def _tool_tokens(tool: Tool) -> int:
    return count_tokens(tool.name) + count_tokens(tool.description) + count_tokens(canonical(tool.schema.body).decode())
