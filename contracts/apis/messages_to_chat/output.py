"""How hard the model shall think and what its answer shall look like, in the fields of a chat request."""

from contracts.apis.asked import object_at, text_at, whole_number_at
from contracts.apis.fields import Fields, Json, invalid
from contracts.apis.messages_to_chat.schema import is_strict

_EFFORT_UP_TO = ((2048, "low"), (8192, "medium"))
"""Budgets of thinking (tokens) and the effort that they stand for; more is `high`. Ours: halfway, on a scale of powers,
between the budgets that `chat_to_messages` gives for an effort (1,024, 4,096 and 16,384), so that there and back is the
same."""
_EFFORTS = ("low", "medium", "high", "xhigh", "max")
_UNASKED = ("disabled", "between_tools")
_SCHEMA_NAME = "answer"
"""OpenAI wants a name for a schema, Anthropic has none."""


def effort_of(request: Json, fields: Fields) -> Json:
    """`reasoning_effort`, from `output_config.effort` or else the budget of `thinking`.

    Adaptive thinking without an effort is left to the model, as it is at Anthropic. Thinking that is off is left out: a
    model that doesn't reason refuses any effort. Raises `PenstockError` for what is wrong.
    """
    thinking = _object_in(request, "thinking")
    kind = text_at(thinking.get("type"), "thinking.type") if thinking else None
    effort = _object_in(request, "output_config").get("effort")
    if effort is not None:
        if text_at(effort, "output_config.effort") not in _EFFORTS:
            raise invalid("output_config.effort", f"must be one of {', '.join(_EFFORTS)}")
        if kind not in _UNASKED:
            return {"reasoning_effort": effort}
        fields.cannot("output_config.effort", "can't be set without thinking for this model's provider")
    if kind == "enabled":
        budget = whole_number_at(thinking.get("budget_tokens"), "thinking.budget_tokens")
        return {"reasoning_effort": next((name for most, name in _EFFORT_UP_TO if budget <= most), "high")}
    if kind is not None and kind not in (*_UNASKED, "adaptive"):
        fields.cannot("thinking.type")
    return {}


def format_of(request: Json, fields: Fields) -> Json:
    """`response_format`, from `output_config.format` or the older `output_format`. Raises `PenstockError`."""
    for path, value in (
        ("output_config.format", _object_in(request, "output_config").get("format")),
        ("output_format", request.get("output_format")),
    ):
        if value is None:
            continue
        wanted = object_at(value, path)
        if text_at(wanted.get("type"), f"{path}.type") != "json_schema":
            fields.cannot(f"{path}.type")
            continue
        schema = object_at(wanted.get("schema"), f"{path}.schema")
        named = {"name": _SCHEMA_NAME, "schema": schema, "strict": is_strict(schema, f"{path}.schema")}
        return {"response_format": {"type": "json_schema", "json_schema": named}}
    return {}


def _object_in(request: Json, name: str) -> Json:
    return object_at(request[name], name) if request.get(name) is not None else {}
