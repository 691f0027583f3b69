"""Which of its tools a request has called, and which results it brings back."""

import hashlib
import re

from infra.simulator.requests import ChatRequest, Tool, ToolUse, Turn


def last_turn(request: ChatRequest) -> Turn | None:
    """The turn to be answered: the last one that is no system turn."""
    return next((turn for turn in reversed(request.turns) if turn.role != "system"), None)


def called_tools(request: ChatRequest) -> tuple[Tool, ...]:
    """The tools an answer calls, in the order of the request's list.

    Only a user's turn is answered by calls: those tools it mentions by name, as a whole word in any case. Where none is
    mentioned and the request wants a call, the first that is allowed.
    """
    box = request.toolbox
    if not box.tools or box.use is ToolUse.NONE:
        return ()
    turn = last_turn(request)
    if turn is not None and turn.role != "user":
        return ()
    allowed = tuple(tool for tool in box.tools if box.allowed is None or tool.name in box.allowed)
    called = tuple(tool for tool in allowed if turn is not None and _mentions(turn.text, tool.name))
    if not called and box.use is ToolUse.REQUIRED:
        return allowed[:1]
    return called if box.parallel else called[:1]


def tool_results(request: ChatRequest) -> tuple[str, ...]:
    """The texts of the tool results that the conversation ends with, in their order."""
    results: list[str] = []
    for turn in reversed(request.turns):
        if turn.role == "tool":
            results.append(turn.text)
        elif turn.role != "system":
            break
    return tuple(reversed(results))


def call_digits(stamp: str, choice: int, call: int) -> str:
    """32 hex digits for a tool call's id: no two calls share them, in one response or in two."""
    return hashlib.blake2b(f"{stamp} {choice} {call}".encode(), digest_size=16).hexdigest()


def _mentions(text: str, name: str) -> bool:
    return re.search(rf"(?<![\w-]){re.escape(name)}(?![\w-])", text, re.IGNORECASE) is not None
