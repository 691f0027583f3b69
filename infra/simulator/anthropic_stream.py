"""A message's content blocks, whole and as a stream. Shapes: as the `anthropic` SDK 2.12 has them."""

from dataclasses import dataclass
from typing import Any

import orjson

from infra.simulator.answer import Choice, ToolCall
from infra.simulator.anthropic_shape import event
from infra.simulator.dialect import Script, Stamp
from infra.simulator.requests import ChatRequest
from infra.simulator.thinking import redact, sign
from infra.simulator.tools import call_digits


@dataclass(frozen=True, slots=True)
class Block:
    """A content block: `whole`, and in a stream as it starts, its deltas' kind and field, one text a token, and `last`.

    `last` is a delta of its own at the block's end.
    """

    whole: dict[str, Any]
    start: dict[str, Any]
    delta: tuple[bytes, bytes] = (b"text_delta", b"text")
    tokens: tuple[str, ...] = ()
    last: dict[str, Any] | None = None


def blocks_of(request: ChatRequest, choice: Choice, stamp: Stamp) -> list[Block]:
    """The blocks of an answer: thinking, text and tool uses; a text block alone where there is nothing else."""
    blocks = [_thinking(request, choice.reasoning)] if choice.reasoning else []
    if choice.tokens or not choice.calls:
        blocks.append(Block(_text(choice.text), _text(""), tokens=choice.tokens))
    return blocks + [_tool_use(call, stamp, number) for number, call in enumerate(choice.calls)]


def play(blocks: list[Block], opening: bytes, closing: bytes) -> Script:
    """The events of the blocks between `opening` and `closing`.

    A block's start and stop go out with the token next to them: the first with the first, which a ping follows as at
    Anthropic.
    """
    head, steps, waiting = b"", [], opening
    for index, block in enumerate(blocks):
        waiting += event({"type": "content_block_start", "index": index, "content_block": block.start})
        if index == 0:
            head, waiting = waiting + event({"type": "ping"}), b""
        kind, field = block.delta
        before = (
            b'event: content_block_delta\ndata: {"type":"content_block_delta","index":%d,"delta":{"type":"%s","%s":'
            % (index, kind, field)
        )
        # Most lines of a stream are this event, so only its text is encoded anew.
        deltas = [b"%s%s}}\n\n" % (before, orjson.dumps(token)) for token in block.tokens]
        if deltas:
            deltas[0] = waiting + deltas[0]
            steps += deltas
            waiting = b""
        if block.last is not None:
            waiting += event({"type": "content_block_delta", "index": index, "delta": block.last})
        waiting += event({"type": "content_block_stop", "index": index})
    return Script(head=head, tokens=tuple(steps), tail=waiting + closing)


def _text(text: str) -> dict[str, Any]:
    return {"type": "text", "text": text}


def _thinking(request: ChatRequest, tokens: tuple[str, ...]) -> Block:
    thinking = "".join(tokens)
    if "redacted" in request.model:
        redacted = {"type": "redacted_thinking", "data": redact(thinking)}
        return Block(redacted, redacted)
    if request.thought_hidden:
        tokens, thinking = (), ""
    signature = sign(thinking)
    return Block(
        whole={"type": "thinking", "thinking": thinking, "signature": signature},
        start={"type": "thinking", "thinking": "", "signature": ""},
        delta=(b"thinking_delta", b"thinking"),
        tokens=tokens,
        last={"type": "signature_delta", "signature": signature},
    )


def _tool_use(call: ToolCall, stamp: Stamp, number: int) -> Block:
    start = {
        "type": "tool_use",
        "id": f"toolu_01{call_digits(stamp.hex_id, 0, number)[:22]}",
        "name": call.name,
        "input": {},
    }
    return Block(
        whole={**start, "input": _input(call)},
        start=start,
        delta=(b"input_json_delta", b"partial_json"),
        tokens=call.tokens,
    )


def _input(call: ToolCall) -> Any:  # noqa: ANN401  # whatever object the tool takes
    try:
        return orjson.loads(call.arguments)
    except orjson.JSONDecodeError:
        # Cut by the token limit: the stop reason says so, and there is no whole input to give.
        return {}
