"""What an Anthropic messages request asks for, as a ChatRequest."""

import re
from collections.abc import Mapping
from typing import Any

from infra.simulator.anthropic_messages import read_turns
from infra.simulator.errors import ApiError, ErrorKind, invalid, missing
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
from infra.simulator.requests import EFFORTS, NO_TOOLS, ChatRequest, Schema, Tool, Toolbox, ToolUse

_MAX_TOKENS = 2**31 - 1
_MIN_BUDGET = 1024
_NAME = re.compile(r"[a-zA-Z0-9_-]{1,128}")
_USES = {"none": ToolUse.NONE, "auto": ToolUse.AUTO, "any": ToolUse.REQUIRED, "tool": ToolUse.REQUIRED}
_THINKING = frozenset({"enabled", "adaptive", "disabled", "between_tools"})
_DISPLAYS = frozenset({"summarized", "omitted"})
_EFFORTS = frozenset(EFFORTS)


def read_messages_request(fields: Mapping[str, Any], *, counted: bool = False) -> ChatRequest:
    """The request in a body; ApiError 400 for a bad one. Only a count of its tokens does without `max_tokens`."""
    model = read_model(fields)
    limit = read_integer(fields, "max_tokens", 1, _MAX_TOKENS)
    if limit is None and not counted:
        raise missing("max_tokens")
    turns = read_turns(fields)
    toolbox = _toolbox(fields)
    thinking, config = _part(fields, "thinking"), _part(fields, "output_config")
    tokens = _thought_tokens(fields, thinking, config, limit) if thinking else 0
    if tokens and toolbox.use is ToolUse.REQUIRED:
        raise _refused("Thinking may not be enabled when tool_choice forces tool use.")
    return ChatRequest(
        model=model,
        turns=turns,
        max_tokens=limit,
        stops=read_strings(fields, "stop_sequences"),
        stream=not counted and read_flag(fields, "stream"),
        toolbox=toolbox,
        output=_format(config),
        thought_tokens=tokens,
        thought_hidden=tokens > 0 and read_word(thinking, "display", _DISPLAYS, "thinking.") == "omitted",
    )


def _part(fields: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = fields.get(name)
    return {} if value is None else as_object(value, name)


def _thought_tokens(
    fields: Mapping[str, Any], thinking: Mapping[str, Any], config: Mapping[str, Any], limit: int | None
) -> int:
    kind = read_word(thinking, "type", _THINKING, "thinking.")
    effort = read_word(config, "effort", _EFFORTS, "output_config.")
    if kind is None:
        raise missing("thinking.type")
    if kind == "enabled":
        _check_budget(thinking, limit)
        _check_thought_before_calls(fields["messages"])
        return EFFORTS[effort or "medium"]
    if kind == "adaptive" or (kind == "between_tools" and _brings_results(fields["messages"][-1])):
        return EFFORTS[effort or "high"]
    return 0


def _check_budget(thinking: Mapping[str, Any], limit: int | None) -> None:
    budget = read_integer(thinking, "budget_tokens", _MIN_BUDGET, _MAX_TOKENS, "thinking.")
    if budget is None:
        raise missing("thinking.budget_tokens")
    if limit is not None and budget >= limit:
        raise _refused("`max_tokens` must be greater than `thinking.budget_tokens`.")


def _check_thought_before_calls(messages: list[dict[str, Any]]) -> None:
    # With a fixed budget, Anthropic wants to see the thinking that led to the tool calls whose results it is given.
    if not _brings_results(messages[-1]):
        return
    refusal = None
    for place in reversed(range(len(messages))):
        message = messages[place]
        if message["role"] == "assistant":
            first = _first_block(message)
            if first in ("thinking", "redacted_thinking"):
                return
            refusal = refusal or _unthought(place, first)
        elif not _brings_results(message):
            break
    if refusal is not None:
        raise refusal


def _first_block(message: Mapping[str, Any]) -> str:
    content = message.get("content")
    return str(content[0].get("type")) if isinstance(content, list) and content else "text"


def _unthought(place: int, first: str) -> ApiError:
    return _refused(
        f"messages.{place}.content.0.type: Expected `thinking` or `redacted_thinking`, but found `{first}`. When"
        " `thinking` is enabled, a final `assistant` message must start with a thinking block (preceeding the lastmost"
        " set of `tool_use` and `tool_result` blocks). To avoid this requirement, disable `thinking`."
    )


def _brings_results(message: Mapping[str, Any]) -> bool:
    content = message.get("content")
    return isinstance(content, list) and any(block.get("type") == "tool_result" for block in content)


def _format(config: Mapping[str, Any]) -> Schema | None:
    wanted = config.get("format")
    if wanted is None:
        return None
    where = "output_config.format"
    if as_object(wanted, where).get("type") != "json_schema":
        raise invalid(f"{where}.type", f"expected 'json_schema', but got {wanted.get('type')!r:.40}")
    return Schema(f"{where}.schema", as_object(wanted.get("schema"), f"{where}.schema"))


def _toolbox(fields: Mapping[str, Any]) -> Toolbox:
    offered = as_objects(fields.get("tools"), "tools")
    choice = fields.get("tool_choice")
    if not offered:
        if choice is not None:
            raise _refused("tool_choice: may only be specified while providing tools.")
        return NO_TOOLS
    tools = tuple(_tool(tool, f"tools[{index}]") for index, tool in enumerate(offered) if _is_custom(tool))
    if choice is None:
        return Toolbox(tools)
    return _chosen(tools, as_object(choice, "tool_choice"))


def _chosen(tools: tuple[Tool, ...], choice: Mapping[str, Any]) -> Toolbox:
    kind = read_word(choice, "type", frozenset(_USES), "tool_choice.")
    if kind is None:
        raise missing("tool_choice.type")
    allowed = None
    if kind == "tool":
        allowed = frozenset({as_string(choice.get("name"), "tool_choice.name")})
        if not allowed & {tool.name for tool in tools}:
            raise invalid("tool_choice.name", f"no tool has the name {choice['name']!r:.80}")
    parallel = not read_flag(choice, "disable_parallel_tool_use", "tool_choice.")
    return Toolbox(tools, _USES[kind], allowed, parallel)


def _is_custom(tool: Mapping[str, Any]) -> bool:
    # Anthropic's own tools have another type and no schema. They are accepted and never called.
    return tool.get("type") in (None, "custom")


def _tool(tool: Mapping[str, Any], where: str) -> Tool:
    name = as_string(tool.get("name"), f"{where}.name")
    if _NAME.fullmatch(name) is None:
        raise invalid(f"{where}.name", "String should match pattern '^[a-zA-Z0-9_-]{1,128}$'")
    schema = as_object(tool.get("input_schema"), f"{where}.input_schema")
    if schema.get("type") != "object":
        raise invalid(f"{where}.input_schema.type", "Input should be 'object'")
    described = tool.get("description")
    description = "" if described is None else as_string(described, f"{where}.description")
    return Tool(name, description, Schema(f"{where}.input_schema", schema))


def _refused(message: str) -> ApiError:
    return ApiError(ErrorKind.INVALID_REQUEST, message)
