"""A request that is answered from documents, as the model is asked it."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from contracts.apis.fields import Json
from contracts.apis.grounding.question import is_text, place_of_question, turns_of
from contracts.apis.grounding.search import FILE_SEARCH, queries_of
from contracts.apis.grounding.sources import fenced, rule_of
from contracts.inference import OPENAI_CHAT, Ground

_PLACE = re.compile(r"^(messages|tools)\[(\d+)\]")
_OF_SYSTEM = ("system", "developer")
_TEXT_IN = {OPENAI_CHAT: "text"}


@dataclass(frozen=True, slots=True)
class Grounding:
    """What was searched for and found, and the request with it: the sources stand in front of the question, and the
    tool is gone. `tools` are the places that the tools which are left had, `before` how many messages are new.
    """

    grounds: tuple[Ground, ...]
    queries: tuple[str, ...]
    request: Json
    tools: tuple[int, ...] = ()
    before: int = 0

    def path(self, path: str) -> str:
        """What the caller calls the field that has this path in `request`."""
        return _PLACE.sub(lambda found: f"{found[1]}[{self._place(found[1], int(found[2]))}]", path)

    def _place(self, name: str, index: int) -> int:
        if name == "messages":
            return max(0, index - self.before)
        return self.tools[index] if index < len(self.tools) else index


def ground(api: str, request: Json, grounds: Sequence[Ground], boundary: str) -> Grounding:
    """The request of one of OpenAI's APIs with what was found for it; `boundary` is to be random."""
    given: list[Json] = request.get("tools") or []
    places = tuple(index for index, tool in enumerate(given) if tool.get("type") != FILE_SEARCH)
    asked = _without_search(request, [given[place] for place in places])
    found, queries, turns = tuple(grounds), queries_of(api, request), turns_of(api, request)
    question = place_of_question(turns)
    if not found or question is None:
        return Grounding(found, queries, asked, places)
    turns[question] = _in_front(turns[question], fenced(found, boundary))
    told, before = _told(api, asked, turns, rule_of(boundary))
    return Grounding(found, queries, told, places, before)


def _without_search(request: Json, tools: list[Json]) -> Json:
    left = {**request, "tools": tools}
    choice = _choice(request.get("tool_choice"))
    if not tools:
        # Neither means anything without tools, and servers refuse them.
        for name in ("tools", "tool_choice", "parallel_tool_calls"):
            left.pop(name, None)
    elif choice is None:
        left.pop("tool_choice", None)
    else:
        left["tool_choice"] = choice
    return left


def _choice(choice: object) -> object:
    """The choice among the other tools. The search has been made: it is chosen no more, and demanded no more."""
    if not isinstance(choice, dict):
        return None if choice == "required" else choice
    match choice.get("type"):
        case "file_search":
            return None
        case "allowed_tools" if isinstance(allowed := choice.get("allowed_tools"), dict):
            left = _allowed(allowed)
            return {**choice, "allowed_tools": left} if left else "none"
        case "allowed_tools":
            return _allowed(choice) or "none"
        case _:
            return choice


def _allowed(allowed: Json) -> Json | None:
    """Without the search; None where nothing else was allowed."""
    tools = allowed.get("tools")
    if not isinstance(tools, list):
        return allowed
    left = [tool for tool in tools if not (isinstance(tool, dict) and tool.get("type") == FILE_SEARCH)]
    if len(left) == len(tools):
        return allowed
    return {**allowed, "tools": left, "mode": "auto"} if left else None


def _in_front(turn: Json, sources: str) -> Json:
    """The sources in front of a turn's first text: no part changes its place, so that an error still names it."""
    content = turn["content"]
    if isinstance(content, str):
        return {**turn, "content": f"{sources}\n\n{content}"}
    first = next(index for index, part in enumerate(content) if is_text(part))
    part = {**content[first], "text": f"{sources}\n\n{content[first]['text']}"}
    return {**turn, "content": [*content[:first], part, *content[first + 1 :]]}


def _told(api: str, asked: Json, turns: list[Json], rule: str) -> tuple[Json, int]:
    """The request with the rule in its system prompt, and how many messages that put before the others."""
    name = "messages" if api == OPENAI_CHAT else "input"
    if api != OPENAI_CHAT and isinstance(said := asked.get("instructions"), str) and said:
        return {**asked, name: turns, "instructions": f"{said}\n\n{rule}"}, 0
    if turns[0].get("role") in _OF_SYSTEM:
        return {**asked, name: [_with_rule(turns[0], rule, _TEXT_IN.get(api, "input_text")), *turns[1:]]}, 0
    if api == OPENAI_CHAT:
        return {**asked, name: [{"role": "system", "content": rule}, *turns]}, 1
    return {**asked, name: turns, "instructions": rule}, 0


def _with_rule(turn: Json, rule: str, kind: str) -> Json:
    content = turn.get("content")
    if isinstance(content, list):
        return {**turn, "content": [*content, {"type": kind, "text": rule}]}
    return {**turn, "content": f"{content}\n\n{rule}" if content else rule}
