"""Anthropic's tools and the choice among them, in the shape of a chat request."""

from contracts.apis.asked import list_at, object_at, text_at
from contracts.apis.fields import Fields, Json, invalid
from contracts.apis.messages_to_chat.schema import is_strict

_CHOICES = {"auto": "auto", "any": "required", "none": "none"}
_KNOWN = ("type", "name", "description", "input_schema", "strict", "allowed_callers")
_NO_CHANGE = ("cache_control", "defer_loading", "eager_input_streaming")
"""About the price, the loading and the streaming of a tool: the model may call it all the same."""


def tooling(request: Json, fields: Fields) -> Json:
    """`tools`, `tool_choice` and `parallel_tool_calls`, each only where it says something.

    Raises `PenstockError` with the path of what is wrong or can't be asked; the tools that Anthropic runs itself
    (`web_search_20250305`) are such.
    """
    if request.get("tools") is None:
        return {}
    tools: list[Json] = []
    for index, item in enumerate(list_at(request["tools"], "tools")):
        tools += _tool(object_at(item, f"tools[{index}]"), f"tools[{index}]", fields)
    return {"tools": tools, **_choice(request.get("tool_choice"))} if tools else {}


def _tool(tool: Json, path: str, fields: Fields) -> list[Json]:
    if tool.get("type") not in (None, "custom"):
        fields.cannot(f"{path}.type")
        return []
    for name, value in tool.items():
        if name not in (*_KNOWN, *_NO_CHANGE) and value is not None:
            fields.cannot(f"{path}.{name}")
    if tool.get("allowed_callers") not in (None, ["direct"]):
        fields.cannot(f"{path}.allowed_callers")
    function: Json = {"name": text_at(tool.get("name"), f"{path}.name")}
    if tool.get("description") is not None:
        function["description"] = text_at(tool["description"], f"{path}.description")
    schema = object_at(tool.get("input_schema"), f"{path}.input_schema")
    function["parameters"] = schema
    if isinstance(tool.get("strict"), bool):
        function["strict"] = tool["strict"] and is_strict(schema, f"{path}.input_schema")
    return [{"type": "function", "function": function}]


def _choice(choice: object) -> Json:
    if choice is None:
        return {}
    choice = object_at(choice, "tool_choice")
    kind = text_at(choice.get("type"), "tool_choice.type")
    chosen: Json
    if kind == "tool":
        name = text_at(choice.get("name"), "tool_choice.name")
        chosen = {"tool_choice": {"type": "function", "function": {"name": name}}}
    elif kind in _CHOICES:
        chosen = {"tool_choice": _CHOICES[kind]}
    else:
        raise invalid("tool_choice.type", "must be auto, any, tool or none")
    if choice.get("disable_parallel_tool_use") is True:
        chosen["parallel_tool_calls"] = False
    return chosen
