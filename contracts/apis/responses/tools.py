"""The tools of a request, and which of them the model must use."""

from contracts.apis.asked import list_at, object_at, text_at
from contracts.apis.fields import Fields, Json, invalid
from contracts.apis.responses.nulls import given

_OF_A_FUNCTION = ("name", "description", "parameters", "strict")
_NOT_IN_A_CHAT = ("defer_loading", "async", "allowed_callers", "output_schema")
_MODES = ("none", "auto", "required")


def to_tools(request: Json, fields: Fields) -> Json:
    """`tools`, `tool_choice` and `parallel_tool_calls` of a chat; the latter two only where there are tools.

    Raises `PenstockError` (`invalid_request`) for tools that are wrong, and through `fields` for the built-in ones:
    they run at OpenAI.
    """
    tools = _tools(request.get("tools"), fields)
    choice = _choice(request.get("tool_choice"), fields)
    if not tools:
        # A chat without tools takes neither, and callers send the defaults all the same.
        return {"tool_choice": choice} if choice not in (None, "none", "auto") else {}
    return given({"tools": tools, "tool_choice": choice, "parallel_tool_calls": request.get("parallel_tool_calls")})


def _tools(tools: object, fields: Fields) -> list[Json]:
    made: list[Json] = []
    for index, value in enumerate(list_at(tools, "tools") if tools is not None else ()):
        path = f"tools[{index}]"
        tool = object_at(value, path)
        if text_at(tool.get("type"), f"{path}.type") == "function":
            made.append(_function(tool, path, fields))
        else:
            fields.cannot(path)
    return made


def _function(tool: Json, path: str, fields: Fields) -> Json:
    text_at(tool.get("name"), f"{path}.name")
    for name in _NOT_IN_A_CHAT:
        if tool.get(name) and tool[name] != ["direct"]:
            fields.cannot(f"{path}.{name}")
    known = ("type", *_OF_A_FUNCTION, *_NOT_IN_A_CHAT)
    rest = {name: value for name, value in given(tool).items() if name not in known}
    function = given({name: tool.get(name) for name in _OF_A_FUNCTION})
    return {**rest, "type": "function", "function": function}


def _choice(choice: object, fields: Fields) -> str | Json | None:
    match choice:
        case None:
            return None
        case str() if choice in _MODES:
            return choice
        case {"type": "function"}:
            name = text_at(object_at(choice, "tool_choice").get("name"), "tool_choice.name")
            return {"type": "function", "function": {"name": name}}
        case {"type": str()}:
            fields.cannot("tool_choice")
            return None
        case _:
            raise invalid("tool_choice", "must be none, auto, required or an object with a type")
