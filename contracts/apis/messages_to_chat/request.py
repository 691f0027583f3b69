"""A request to Anthropic's messages API as a chat completion request.

Every field of the `anthropic` SDK 2.12 has its place here: translated, refused by its name, or left out because it says
nothing about the answer. What that API doesn't know (`seed`, `logit_bias`) goes on as it is.
"""

import hashlib
from typing import Literal

from contracts.apis.asked import list_at, number_at, object_at, text_at, whole_number_at
from contracts.apis.fields import Fields, Json
from contracts.apis.messages_to_chat.conversation import conversation
from contracts.apis.messages_to_chat.output import effort_of, format_of
from contracts.apis.messages_to_chat.tools import tooling
from contracts.apis.service_tier import service_tier

Limit = Literal["max_tokens", "max_completion_tokens"]
_ADAPTERS = ("model", "stream")
_TRANSLATED = (
    *("messages", "system", "max_tokens", "tools", "tool_choice", "stop_sequences", "temperature", "top_p"),
    *("metadata", "thinking", "output_config", "output_format", "service_tier"),
)
_ASKS_FOR_NOTHING: dict[str, tuple[object, ...]] = {
    "top_k": (),
    "container": (),
    "mcp_servers": ([],),
    "context_management": (),
    "inference_geo": (),
    "speed": ("standard",),
    "diagnostics": (),
    "user_profile_id": (),
    "workspace_id": (),
    "fallbacks": ([],),
}
"""What a chat provider can't be asked, and the values besides null with which it isn't."""
_PRICE_ONLY = ("cache_control",)
_MOST_STOPS = 4
"""OpenAI, "Create chat completion": up to 4 sequences."""
_LONGEST_USER = 64
"""Characters that OpenAI allows («string too long»); Claude Code's ids have more than 128."""
_SERVICE_TIERS = {"auto": "auto", "standard_only": "default"}


def to_chat(request: Json, fields: Fields, *, limit: Limit = "max_tokens") -> Json:
    """The body for `POST /v1/chat/completions`, all but `model` and `stream`, which the adapter sets.

    `limit` is the field that carries `max_tokens`. OpenAI's reasoning models take only `max_completion_tokens`; Mistral
    refuses that name and others ignore it, so it is for OpenAI and Azure alone. Raises `PenstockError`
    (`invalid_request`) with the path of a field that is wrong, or that a chat provider can't be asked.
    """
    for name, nothing in _ASKS_FOR_NOTHING.items():
        if request.get(name) is not None and request[name] not in nothing:
            fields.cannot(name)
    known = {*_ADAPTERS, *_TRANSLATED, *_ASKS_FOR_NOTHING, *_PRICE_ONLY}
    body: Json = {name: value for name, value in request.items() if name not in known}
    body["messages"] = conversation(request.get("system"), request.get("messages"), fields)
    body |= _limit(request, limit, fields) | tooling(request, fields) | _stop(request, fields)
    for name in ("temperature", "top_p"):
        if request.get(name) is not None:
            body[name] = number_at(request[name], name)
    body |= effort_of(request, fields) | format_of(request, fields)
    return body | _user(request, fields) | service_tier(request, _SERVICE_TIERS, fields)


def _limit(request: Json, name: str, fields: Fields) -> Json:
    if request.get("max_tokens") is None:
        return {}
    if (limit := whole_number_at(request["max_tokens"], "max_tokens")) == 0:
        fields.cannot("max_tokens", "can't be 0, which only warms Anthropic's cache")
        return {}
    return {name: limit}


def _stop(request: Json, fields: Fields) -> Json:
    if not request.get("stop_sequences"):
        return {}
    given = list_at(request["stop_sequences"], "stop_sequences")
    sequences = [text_at(item, f"stop_sequences[{index}]") for index, item in enumerate(given)]
    if len(sequences) > _MOST_STOPS:
        fields.cannot("stop_sequences", f"can't be more than {_MOST_STOPS} for this model's provider")
    return {"stop": sequences[:_MOST_STOPS]}


def _user(request: Json, fields: Fields) -> Json:
    metadata = object_at(request["metadata"], "metadata") if request.get("metadata") is not None else {}
    for name in metadata:
        if name != "user_id":
            fields.cannot(f"metadata.{name}")
    if metadata.get("user_id") is None:
        return {}
    user = text_at(metadata["user_id"], "metadata.user_id")
    # Still one id for one user, and one that tells nothing of them.
    return {
        "user": user if len(user) <= _LONGEST_USER else hashlib.sha256(user.encode(errors="surrogatepass")).hexdigest()
    }
