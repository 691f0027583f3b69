"""What an OpenAI chat completion asks for, as a ChatRequest."""

import re
from collections.abc import Mapping
from typing import Any

from infra.simulator.errors import ApiError, ErrorKind, invalid
from infra.simulator.fields import (
    as_object,
    as_objects,
    as_string,
    read_flag,
    read_integer,
    read_model,
    read_strings,
    read_word,
)
from infra.simulator.openai_messages import read_turns
from infra.simulator.requests import EFFORTS, NO_TOOLS, ChatRequest, Schema, Tool, Toolbox, ToolUse

_MAX_CHOICES = 128
_MAX_STOPS = 4
_MAX_TOKENS = 2**31 - 1
_MAX_LOGPROBS = 20
_NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")
_EFFORTS = frozenset({"none", "minimal", *EFFORTS})
_FORMATS = frozenset({"text", "json_object", "json_schema"})
_USES = {"none": ToolUse.NONE, "auto": ToolUse.AUTO, "required": ToolUse.REQUIRED}


def read_chat(fields: Mapping[str, Any], deployment: str = "") -> ChatRequest:
    """The request in a body; `deployment` is the model where the body names none. ApiError 400 for a bad one."""
    stream = read_flag(fields, "stream")
    output, json_object = _format(fields)
    return ChatRequest(
        model=read_model(fields, deployment),
        turns=read_turns(fields),
        max_tokens=_limit(fields),
        stops=_stops(fields),
        choices=read_integer(fields, "n", 1, _MAX_CHOICES) or 1,
        stream=stream,
        include_usage=_include_usage(fields, stream=stream),
        toolbox=_toolbox(fields),
        output=output,
        json_object=json_object,
        thought_tokens=EFFORTS.get(read_word(fields, "reasoning_effort", _EFFORTS) or "none", 0),
        top_logprobs=_logprobs(fields),
    )


def _limit(fields: Mapping[str, Any]) -> int | None:
    limit = read_integer(fields, "max_completion_tokens", 1, _MAX_TOKENS)
    return limit if limit is not None else read_integer(fields, "max_tokens", 1, _MAX_TOKENS)


def _stops(fields: Mapping[str, Any]) -> tuple[str, ...]:
    stop = fields.get("stop")
    stops = read_strings({"stop": [stop]} if isinstance(stop, str) else fields, "stop")
    if len(stops) > _MAX_STOPS:
        raise invalid(
            "stop", f"expected at most {_MAX_STOPS} sequences, but got {len(stops)}", "array_above_max_length"
        )
    return stops


def _include_usage(fields: Mapping[str, Any], *, stream: bool) -> bool:
    options = fields.get("stream_options")
    if options is None:
        return False
    if not stream:
        raise invalid("stream_options", "it is only allowed when 'stream' is true")
    return read_flag(as_object(options, "stream_options"), "include_usage", "stream_options.")


def _logprobs(fields: Mapping[str, Any]) -> int | None:
    wanted, top = read_flag(fields, "logprobs"), read_integer(fields, "top_logprobs", 0, _MAX_LOGPROBS)
    if top is not None and not wanted:
        raise invalid("top_logprobs", "'logprobs' must be true when it is set")
    return (top or 0) if wanted else None


def _format(fields: Mapping[str, Any]) -> tuple[Schema | None, bool]:
    chosen = fields.get("response_format")
    if chosen is None:
        return None, False
    kind = read_word(as_object(chosen, "response_format"), "type", _FORMATS, "response_format.")
    if kind != "json_schema":
        return None, kind == "json_object"
    where = "response_format.json_schema"
    described = as_object(chosen.get("json_schema"), where)
    _name(described.get("name"), f"{where}.name")
    schema = described.get("schema")
    return Schema(f"{where}.schema", {} if schema is None else as_object(schema, f"{where}.schema")), False


def _toolbox(fields: Mapping[str, Any]) -> Toolbox:
    tools = tuple(_tool(tool, f"tools[{index}]") for index, tool in enumerate(as_objects(fields.get("tools"), "tools")))
    if not tools:
        for name in ("tool_choice", "parallel_tool_calls"):
            if fields.get(name) is not None:
                message = f"Invalid value for '{name}': '{name}' is only allowed when 'tools' are specified."
                raise ApiError(ErrorKind.INVALID_REQUEST, message, param=name)
        return NO_TOOLS
    use, allowed = _tool_choice(fields.get("tool_choice"))
    if unknown := (allowed or frozenset()) - {tool.name for tool in tools}:
        raise invalid("tool_choice", f"no tool has the name {', '.join(map(repr, sorted(unknown)))}")
    return Toolbox(tools, use, allowed, read_flag(fields, "parallel_tool_calls", default=True))


def _tool(tool: Mapping[str, Any], where: str) -> Tool:
    if tool.get("type") != "function":
        raise invalid(f"{where}.type", f"expected 'function', but got {tool.get('type')!r:.40}")
    function = as_object(tool.get("function"), f"{where}.function")
    name = _name(function.get("name"), f"{where}.function.name")
    schema = function.get("parameters")
    parameters = {"type": "object"} if schema is None else as_object(schema, f"{where}.function.parameters")
    if parameters.get("type", "object") != "object":
        kind = parameters["type"]
        raise ApiError(
            ErrorKind.INVALID_REQUEST,
            f"Invalid schema for function '{name}': schema must be a JSON Schema of 'type: \"object\"', got 'type:"
            f' "{kind}"\'.',
            param=f"{where}.function.parameters",
            code="invalid_function_parameters",
        )
    described = function.get("description")
    description = "" if described is None else as_string(described, f"{where}.function.description")
    return Tool(name, description, Schema(f"{where}.function.parameters", {"type": "object"} | parameters))


def _name(value: object, where: str) -> str:
    name = as_string(value, where)
    if _NAME.fullmatch(name) is None:
        raise invalid(where, "string does not match pattern '^[a-zA-Z0-9_-]{1,64}$'")
    return name


def _tool_choice(choice: object) -> tuple[ToolUse, frozenset[str] | None]:
    if choice is None:
        return ToolUse.AUTO, None
    if isinstance(choice, str) and choice in _USES:
        return _USES[choice], None
    if isinstance(choice, dict) and choice.get("type") == "function":
        return ToolUse.REQUIRED, frozenset({_named(choice, "tool_choice")})
    if isinstance(choice, dict) and choice.get("type") == "allowed_tools":
        where = "tool_choice.allowed_tools"
        allowed = as_object(choice.get("allowed_tools"), where)
        mode = read_word(allowed, "mode", frozenset({"auto", "required"}), f"{where}.") or "auto"
        tools = as_objects(allowed.get("tools"), f"{where}.tools")
        return _USES[mode], frozenset(_named(tool, f"{where}.tools[{index}]") for index, tool in enumerate(tools))
    raise invalid("tool_choice", f"expected none, auto, required or a tool, but got {choice!r:.60}")


def _named(choice: Mapping[str, Any], where: str) -> str:
    function = as_object(choice.get("function"), f"{where}.function")
    return as_string(function.get("name"), f"{where}.function.name")
