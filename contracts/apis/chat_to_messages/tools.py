"""The tools of a chat request and the choice among them, in Anthropic's shape."""

from contracts.apis.asked import list_at, object_at, text_at
from contracts.apis.chat_to_messages.schema import constrained
from contracts.apis.fields import Fields, Json, invalid

_CHOICES = {"auto": "auto", "none": "none", "required": "any"}


def tooling(request: Json, fields: Fields) -> Json:
    """`tools` and `tool_choice`, each only where it says something.

    Anthropic refuses a choice without tools, and has no `parallel_tool_calls` of its own: the choice carries it.
    Raises `PenstockError` with the path of what is wrong or can't be asked.
    """
    if request.get("tools") is None:
        return {}
    tools: list[Json] = []
    for index, item in enumerate(list_at(request["tools"], "tools")):
        tools += _tool(object_at(item, f"tools[{index}]"), f"tools[{index}]", fields)
    choice, allowed = _choice(request.get("tool_choice"), fields)
    if allowed is not None:
        tools = [tool for tool in tools if tool.get("name") in allowed]
    if not tools:
        return {}
    if request.get("parallel_tool_calls") is False and (choice or {}).get("type") != "none":
        choice = {**(choice or {"type": "auto"}), "disable_parallel_tool_use": True}
    return {"tools": tools, **({"tool_choice": choice} if choice else {})}


def _tool(tool: Json, path: str, fields: Fields) -> list[Json]:
    """A function becomes a tool. What the chat API doesn't know (`web_search_20250305`) goes on as it is."""
    kind = text_at(tool.get("type"), f"{path}.type")
    if kind == "custom":
        fields.cannot(f"{path}.type")
        return []
    if kind != "function":
        return [tool]
    function = object_at(tool.get("function"), f"{path}.function")
    extra = {name: value for name, value in tool.items() if name not in ("type", "function")}
    made: Json = {"name": text_at(function.get("name"), f"{path}.function.name"), **extra}
    for name in ("description", "strict", "cache_control"):
        if function.get(name) is not None:
            made[name] = function[name]
    made["input_schema"] = _parameters(function, f"{path}.function.parameters")
    return [made]


def _parameters(function: Json, path: str) -> Json:
    if function.get("parameters") is None:
        return {"type": "object", "properties": {}}
    parameters = object_at(function["parameters"], path)
    if function.get("strict") is True:
        parameters = constrained(parameters, path)
    return {"type": "object", **parameters}


def _choice(choice: object, fields: Fields) -> tuple[Json | None, list[str] | None]:
    """The choice, and the names of the only tools that it allows: Anthropic can only be given fewer tools."""
    if choice is None:
        return None, None
    if isinstance(choice, str):
        if choice not in _CHOICES:
            raise invalid("tool_choice", "must be none, auto, required or a tool")
        return {"type": _CHOICES[choice]}, None
    choice = object_at(choice, "tool_choice")
    match text_at(choice.get("type"), "tool_choice.type"):
        case "function":
            function = object_at(choice.get("function"), "tool_choice.function")
            return {"type": "tool", "name": text_at(function.get("name"), "tool_choice.function.name")}, None
        case "allowed_tools":
            return _allowed(object_at(choice.get("allowed_tools"), "tool_choice.allowed_tools"))
        case "custom":
            fields.cannot("tool_choice.type")
            return None, None
        case _:
            return choice, None


def _allowed(allowed: Json) -> tuple[Json, list[str]]:
    path = "tool_choice.allowed_tools"
    mode = allowed.get("mode", "auto")
    if mode not in ("auto", "required"):
        raise invalid(f"{path}.mode", "must be auto or required")
    names = []
    for index, item in enumerate(list_at(allowed.get("tools"), f"{path}.tools")):
        tool = object_at(item, f"{path}.tools[{index}]")
        function = object_at(tool.get("function"), f"{path}.tools[{index}].function")
        names.append(text_at(function.get("name"), f"{path}.tools[{index}].function.name"))
    return {"type": _CHOICES[mode]}, names
