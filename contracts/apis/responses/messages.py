"""The messages of a chat, out of the items of an input."""

from contracts.apis.asked import text_at
from contracts.apis.fields import Fields, Json, invalid
from contracts.apis.responses.content import to_assistant_content, to_content
from contracts.apis.responses.items import kind_of, listed
from contracts.apis.responses.nulls import given
from contracts.apis.responses.thinking import unsealed

_ROLES = ("user", "system", "developer")
_OF_A_MESSAGE = (
    *("type", "id", "role", "content", "status", "phase"),
    *("tool_calls", "tool_call_id", "refusal", "thinking_blocks"),
)
_OF_A_CALL = (
    *("type", "id", "call_id", "name", "arguments", "status", "namespace", "caller", "async", "created_by"),
    *("index", "function"),
)
"""What is told in another place, or can't be told in a chat; all else goes on as it is."""


def to_messages(request: Json, fields: Fields) -> list[Json]:
    """`instructions` first, then the input.

    Raises `PenstockError` (`invalid_request`) for items that are wrong, and through `fields` for those that a chat
    has nothing for: the calls of built-in tools.
    """
    chat = _Chat(fields)
    if instructions := request.get("instructions"):
        chat.messages.append({"role": "system", "content": text_at(instructions, "instructions")})
    for index, item in enumerate(listed(request)):
        chat.add(item, f"input[{index}]")
    chat.end()
    return chat.messages


def origins(request: Json) -> list[tuple[str, bool]]:
    """Where each message of `to_messages` comes from (`instructions`, `input[3]`), and if it is a call's output.

    One that several items became has the name of the first.
    """
    chat, found = _Chat(Fields(drop=True)), [("instructions", False)] if request.get("instructions") else []
    for index, item in enumerate(listed(request)):
        before = len(chat.messages)
        chat.add(item, f"input[{index}]")
        found += [(f"input[{index}]", kind_of(item) == "function_call_output")] * (len(chat.messages) - before)
    return found


class _Chat:
    """The messages so far. What an assistant says and calls in one go is one message of a chat, and several items."""

    def __init__(self, fields: Fields) -> None:
        self.messages: list[Json] = []
        self._fields = fields
        self._assistant: Json | None = None
        self._thinking: list[Json] = []

    def add(self, item: Json, path: str) -> None:
        match kind_of(item):
            case "message":
                self._message(item, path)
            case "function_call":
                self._call(item, path)
            case "function_call_output":
                self._output(item, path)
            case "reasoning":
                self._thinking += unsealed(item.get("encrypted_content"))
            case "file_search_call":
                # What it found was in the prompt that it was made for; the answer says what came of it.
                return
            case "item_reference":
                raise invalid(path, "refers to an item that is not known")
            case "":
                raise invalid(f"{path}.type", "is required")
            case _:
                self._fields.cannot(path)

    def end(self) -> None:
        """No more is said in one go. Thinking belongs to it wherever it stands: what is hidden comes after all else."""
        if self._assistant is not None:
            self._think(self._assistant)
        self._assistant = None
        self._thinking = []

    def _message(self, item: Json, path: str) -> None:
        role = item.get("role")
        if role == "assistant":
            self._say(item, path)
        elif role in _ROLES:
            content = to_content(item.get("content"), f"{path}.content", self._fields)
            self._other({"role": role, "content": content, **_rest(item, _OF_A_MESSAGE)})
        else:
            raise invalid(f"{path}.role", "must be user, assistant, system or developer")

    def _say(self, item: Json, path: str) -> None:
        content, refusal = to_assistant_content(item.get("content"), f"{path}.content", self._fields)
        spoken = self._assistant
        if spoken is None or "tool_calls" not in spoken:
            spoken = self._begin(content, _rest(item, _OF_A_MESSAGE))
        else:
            # In a chat the answers to the calls come next, and nothing may stand between.
            spoken["content"] = _joined(spoken["content"], content)
        if refusal is not None:
            spoken["refusal"] = (spoken.get("refusal") or "") + refusal
        self._think(spoken)

    def _call(self, item: Json, path: str) -> None:
        call = {
            "id": text_at(item.get("call_id"), f"{path}.call_id"),
            "type": "function",
            "function": {
                "name": text_at(item.get("name"), f"{path}.name"),
                "arguments": text_at(item.get("arguments"), f"{path}.arguments"),
            },
            **_rest(item, _OF_A_CALL),
        }
        spoken = self._assistant if self._assistant is not None else self._begin(None, {})
        spoken.setdefault("tool_calls", []).append(call)
        self._think(spoken)

    def _output(self, item: Json, path: str) -> None:
        called = text_at(item.get("call_id"), f"{path}.call_id")
        content = to_content(item.get("output"), f"{path}.output", self._fields)
        self._other({"role": "tool", "tool_call_id": called, "content": content})

    def _begin(self, content: str | list[Json] | None, rest: Json) -> Json:
        self._assistant = {"role": "assistant", "content": content, **rest}
        self.messages.append(self._assistant)
        return self._assistant

    def _think(self, spoken: Json) -> None:
        if self._thinking:
            spoken.setdefault("thinking_blocks", []).extend(self._thinking)
            self._thinking = []

    def _other(self, message: Json) -> None:
        self.end()
        self.messages.append(message)


def _joined(said: str | list[Json] | None, more: str | list[Json] | None) -> str | list[Json] | None:
    if not said or not more:
        return said or more
    return [*_as_parts(said), *_as_parts(more)]


def _as_parts(content: str | list[Json]) -> list[Json]:
    return [{"type": "text", "text": content}] if isinstance(content, str) else content


def _rest(item: Json, known: tuple[str, ...]) -> Json:
    return {name: value for name, value in given(item).items() if name not in known}
