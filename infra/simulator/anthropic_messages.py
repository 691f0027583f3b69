"""The messages of an Anthropic request as turns, refused where Anthropic refuses them.

A message of several kinds of block becomes the turns that OpenAI's API has for it: each tool_result is a tool turn, and
what a user says beside it follows as a turn of its own. Thinking that comes back is verified and then left out.
"""

from collections.abc import Mapping, Sized
from typing import Any

from infra.simulator.anthropic_blocks import read_texts, read_tool_use
from infra.simulator.errors import ApiError, ErrorKind, invalid
from infra.simulator.fields import as_objects, as_string, read_messages
from infra.simulator.requests import Turn
from infra.simulator.thinking import is_redacted, is_signed

_ROLES = frozenset({"user", "assistant", "system"})


def read_turns(body: Mapping[str, Any]) -> tuple[Turn, ...]:
    """The conversation with its system prompt; ApiError 400, naming the place, for what is no message.

    The first message must be the user's. A tool_result must answer a tool_use of the assistant's message before it, and
    every tool_use must be answered there, before anything else is said.
    """
    messages = read_messages(body, _ROLES)
    if messages[0]["role"] != "user":
        raise _refused('messages: first message must use the "user" role')
    reader = _Reader(last=len(messages) - 1)
    for index, message in enumerate(messages):
        reader.read(index, message)
    reader.check_answered(len(messages))
    return (*_system(body), *reader.turns)


def _system(body: Mapping[str, Any]) -> tuple[Turn, ...]:
    system = body.get("system")
    return () if system is None else (Turn("system", *read_texts(system, "system")),)


class _Reader:
    """The turns read so far, and which tool uses they still owe a result."""

    def __init__(self, last: int) -> None:
        self.turns: list[Turn] = []
        self._last = last
        self._seen: set[str] = set()
        self._offered: set[str] = set()
        self._awaited: set[str] = set()

    def read(self, index: int, message: Mapping[str, Any]) -> None:
        role, content = message["role"], message.get("content")
        if isinstance(content, str) or content is None or role == "system":
            self._plain(index, role, content)
            return
        blocks = _blocks(content, f"messages[{index}].content")
        self._check_not_empty(index, role, blocks)
        if role == "user":
            self._user(index, blocks)
        else:
            self._assistant(index, blocks)

    def check_answered(self, index: int) -> None:
        """ApiError 400 when tool uses before message `index` are still without a result."""
        if self._awaited:
            raise _refused(
                f"messages.{index - 1}: `tool_use` ids were found without `tool_result` blocks immediately after:"
                f" {', '.join(sorted(self._awaited))}. Each `tool_use` block must have a corresponding `tool_result`"
                " block in the next message."
            )

    def _plain(self, index: int, role: str, content: object) -> None:
        text, attachments = read_texts(content, f"messages[{index}].content")
        self._check_not_empty(index, role, text or attachments)
        self.check_answered(index)
        if role == "assistant":
            self._offered = set()
        self.turns.append(Turn(role, text, attachments))

    def _check_not_empty(self, index: int, role: str, content: Sized) -> None:
        if not content and (role != "assistant" or index != self._last):
            raise _refused(
                f"messages.{index}: all messages must have non-empty content except for the optional final assistant"
                " message"
            )

    def _user(self, index: int, blocks: list[dict[str, Any]]) -> None:
        said: list[dict[str, Any]] = []
        for number, block in enumerate(blocks):
            where = f"messages[{index}].content[{number}]"
            if block.get("type") == "tool_result":
                self._result(block, where, f"messages.{index}.content.{number}")
            else:
                self.check_answered(index)
                said.append(block)
        if said:
            self.turns.append(Turn("user", *read_texts(said, f"messages[{index}].content")))

    def _result(self, block: Mapping[str, Any], where: str, place: str) -> None:
        answered = as_string(block.get("tool_use_id"), f"{where}.tool_use_id")
        if answered not in self._offered:
            raise _refused(
                f"{place}: unexpected `tool_use_id` found in `tool_result` blocks: {answered}. Each `tool_result` block"
                " must have a corresponding `tool_use` block in the previous message."
            )
        self._awaited.discard(answered)
        content = block.get("content")
        self.turns.append(Turn("tool", *read_texts([] if content is None else content, f"{where}.content")))

    def _assistant(self, index: int, blocks: list[dict[str, Any]]) -> None:
        self.check_answered(index)
        said: list[dict[str, Any]] = []
        calls: list[bytes] = []
        self._offered = set()
        for number, block in enumerate(blocks):
            where, place = f"messages[{index}].content[{number}]", f"messages.{index}.content.{number}"
            match block.get("type"):
                case "tool_use":
                    calls.append(self._call(block, where))
                case "thinking" | "redacted_thinking" as kind:
                    _verify(kind, block, where, place)
                case _:
                    said.append(block)
        text, attachments = read_texts(said, f"messages[{index}].content")
        self.turns.append(Turn("assistant", text, attachments, tuple(calls)))

    def _call(self, block: Mapping[str, Any], where: str) -> bytes:
        call_id, call = read_tool_use(block, where)
        if call_id in self._seen:
            raise _refused("messages: `tool_use` ids must be unique")
        for ids in (self._seen, self._offered, self._awaited):
            ids.add(call_id)
        return call


def _blocks(content: object, where: str) -> list[dict[str, Any]]:
    if not isinstance(content, list) or not all(isinstance(block, dict) for block in content):
        raise invalid(where, "expected a string or an array of content blocks", "invalid_type")
    return as_objects(content, where)


def _verify(kind: str, block: Mapping[str, Any], where: str, place: str) -> None:
    if kind == "redacted_thinking":
        if not is_redacted(as_string(block.get("data"), f"{where}.data")):
            raise _refused(f"{place}: Invalid `data` in `redacted_thinking` block")
        return
    thinking = as_string(block.get("thinking"), f"{where}.thinking")
    if not is_signed(thinking, as_string(block.get("signature"), f"{where}.signature")):
        raise _refused(f"{place}: Invalid `signature` in `thinking` block")


def _refused(message: str) -> ApiError:
    return ApiError(ErrorKind.INVALID_REQUEST, message)
