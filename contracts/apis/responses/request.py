"""A request for a Response, as a request for a chat completion."""

from contracts.apis.asked import list_at, object_at
from contracts.apis.fields import Fields, Json, invalid
from contracts.apis.responses.messages import to_messages
from contracts.apis.responses.nulls import given
from contracts.apis.responses.tools import to_tools

_OURS = frozenset({"model", "stream", "stream_options", "store", "background", "background_options"})
"""What concerns Penstock or the one call, not the chat."""
_ABOUT_THE_RESPONSE = frozenset({"previous_response_id", "metadata"})
"""Kept with the Response. OpenAI's chat completions refuse metadata unless they are to store the answer as well."""
_TRANSLATED = frozenset(
    {
        *("input", "instructions", "tools", "tool_choice", "parallel_tool_calls", "max_output_tokens"),
        *("text", "reasoning", "include", "top_logprobs", "truncation"),
    }
)
_IMPOSSIBLE = ("prompt", "conversation", "context_management", "max_tool_calls", "image", "access_programs", "n")
_LOGPROBS = "message.output_text.logprobs"
_HARMLESS = ("reasoning.encrypted_content", "message.input_image.image_url", "file_search_call.results")
_OF_TEXT = ("format", "verbosity")
_OF_REASONING = {"context": "auto", "mode": "standard"}
"""What a chat can't be asked of reasoning, with the value that asks for nothing."""
_BEST_EFFORT = ("effort", "summary", "generate_summary")


def to_chat(request: Json, fields: Fields) -> Json:
    """The chat completion request, without `model`, `stream` and `stream_options`.

    Fields that we don't know are passed on. Raises `PenstockError` (`invalid_request`) for what is wrong, and through
    `fields` for what a chat can't be asked: built-in tools, prompt templates, conversations, truncation.
    """
    for name in _IMPOSSIBLE:
        if request.get(name) is not None:
            fields.cannot(name)
    if request.get("truncation") not in (None, "disabled"):
        fields.cannot("truncation")
    messages = to_messages(request, fields)
    if not messages:
        raise invalid("input", "is required")
    handled = _OURS | _ABOUT_THE_RESPONSE | _TRANSLATED | frozenset(_IMPOSSIBLE)
    return {
        **{name: value for name, value in given(request).items() if name not in handled},
        "messages": messages,
        **to_tools(request, fields),
        **given({"max_completion_tokens": request.get("max_output_tokens")}),
        **_text(request.get("text"), fields),
        **_reasoning(request.get("reasoning"), fields),
        **_logprobs(request, fields),
    }


def _text(text: object, fields: Fields) -> Json:
    if text is None:
        return {}
    settings = given(object_at(text, "text"))
    for name in settings:
        if name not in _OF_TEXT:
            fields.cannot(f"text.{name}")
    return given({"response_format": _format(settings.get("format")), "verbosity": settings.get("verbosity")})


def _format(wanted: object) -> Json | None:
    if wanted is None:
        return None
    settings = given(object_at(wanted, "text.format"))
    match settings.pop("type", None):
        case "text":
            return None
        case "json_object":
            return {"type": "json_object"}
        case "json_schema":
            return {"type": "json_schema", "json_schema": settings}
        case _:
            raise invalid("text.format.type", "must be text, json_object or json_schema")


def _reasoning(reasoning: object, fields: Fields) -> Json:
    if reasoning is None:
        return {}
    settings = given(object_at(reasoning, "reasoning"))
    for name, value in settings.items():
        # Whether a summary comes is up to the model: what it says of its reasoning is passed on in any case.
        if name not in _BEST_EFFORT and value != _OF_REASONING.get(name):
            fields.cannot(f"reasoning.{name}")
    return given({"reasoning_effort": settings.get("effort")})


def _logprobs(request: Json, fields: Fields) -> Json:
    include = request.get("include")
    wanted = list_at(include, "include") if include is not None else []
    for index, name in enumerate(wanted):
        if name != _LOGPROBS and name not in _HARMLESS:
            fields.cannot(f"include[{index}]")
    top = request.get("top_logprobs")
    if _LOGPROBS not in wanted and not top:
        return {}
    return given({"logprobs": True, "top_logprobs": top})
