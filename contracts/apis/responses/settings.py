"""What a Response repeats of its request, with OpenAI's defaults for what the caller left out."""

from contracts.apis.fields import Json
from contracts.apis.responses.nulls import given

_DEFAULTS: Json = {
    "background": False,
    "instructions": None,
    "max_output_tokens": None,
    "max_tool_calls": None,
    "parallel_tool_calls": True,
    "previous_response_id": None,
    "prompt_cache_key": None,
    "safety_identifier": None,
    "service_tier": "auto",
    "store": True,
    "temperature": 1.0,
    "tool_choice": "auto",
    "top_logprobs": 0,
    "top_p": 1.0,
    "truncation": "disabled",
    "user": None,
}
"""https://platform.openai.com/docs/api-reference/responses/create, the defaults of the fields."""
_UNSET_IN_A_FUNCTION: Json = {"description": None, "parameters": None, "strict": None}
_OF_THE_CALLER = frozenset(
    {
        *("background", "metadata", "previous_response_id", "prompt_cache_key"),
        *("safety_identifier", "store", "user", "instructions"),
    }
)
"""What two requests for the same answer can differ in."""
_OF_THE_ANSWER = "service_tier"


def settings(request: Json) -> Json:
    """The request's settings, every one of them. Raises `TypeError` or `ValueError` for one of the wrong kind."""
    return {
        **{name: default if request.get(name) is None else request[name] for name, default in _DEFAULTS.items()},
        "metadata": dict(request.get("metadata") or {}),
        "reasoning": {"effort": None, "summary": None, **(request.get("reasoning") or {})},
        "text": {"format": {"type": "text"}, "verbosity": "medium", **given(request.get("text") or {})},
        "tools": [_tool(tool) for tool in request.get("tools") or ()],
    }


def own_settings(request: Json) -> Json:
    """Those of whom an answer is given to, and those that this request gives itself: not what was said in its answer.

    Raises as `settings` does.
    """
    own = _OF_THE_CALLER | {name for name, value in request.items() if value is not None and name != _OF_THE_ANSWER}
    return {name: value for name, value in settings(request).items() if name in own}


def _tool(tool: Json) -> Json:
    return {**_UNSET_IN_A_FUNCTION, **tool} if tool.get("type") == "function" else tool
