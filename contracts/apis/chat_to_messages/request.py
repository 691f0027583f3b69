"""A chat completion request as a request to Anthropic's messages API.

Every field of the `openai` SDK 3.54 has its place here: translated, refused by its name, or left out because it says
nothing about the answer. What that API doesn't know (`thinking`, `top_k`, `mcp_servers`) goes on as it is.
"""

from contracts.apis.asked import list_at, object_at, text_at
from contracts.apis.chat_to_messages.content import OF_SYSTEM, blocks_of
from contracts.apis.chat_to_messages.conversation import compact, conversation
from contracts.apis.chat_to_messages.models import version_of
from contracts.apis.chat_to_messages.sampling import NAMES as SAMPLING
from contracts.apis.chat_to_messages.sampling import sampling
from contracts.apis.chat_to_messages.schema import constrained
from contracts.apis.chat_to_messages.thinking import thinking_of
from contracts.apis.chat_to_messages.tools import tooling
from contracts.apis.fields import Fields, Json
from contracts.apis.service_tier import service_tier

_ADAPTERS = ("model", "stream", "stream_options")
_TRANSLATED = (
    *("messages", "max_tokens", "max_completion_tokens", "tools", "tool_choice", "parallel_tool_calls", "stop"),
    *("user", "safety_identifier", "metadata", "reasoning_effort", "response_format", "service_tier"),
    *("system", "thinking", "output_config", *SAMPLING),
)
_ASKS_FOR_NOTHING: dict[str, tuple[object, ...]] = {
    "n": (1,),
    "logprobs": (False,),
    "top_logprobs": (0,),
    "logit_bias": ({},),
    "presence_penalty": (0,),
    "frequency_penalty": (0,),
    "modalities": (["text"],),
    "verbosity": ("medium",),
    "store": (False,),
    "functions": ([],),
    "function_call": ("none", "auto"),
    "audio": (),
    "moderation": (),
    "prediction": (),
    "seed": (),
    "web_search_options": (),
}
"""What Anthropic can't be asked, and the values besides null with which it isn't."""
_PRICE_ONLY = ("prompt_cache_key", "prompt_cache_options", "prompt_cache_retention")
"""Where and how long OpenAI keeps a prompt: the answer is the same without."""
_SERVICE_TIERS = {"auto": "auto", "default": "standard_only", "standard_only": "standard_only"}
_JSON_ONLY = "Answer with a single valid JSON object and nothing else: no prose around it, no code fence."
"""`json_object` becomes this line: Anthropic has no JSON mode without a schema, and OpenAI's own demands that the
prompt asks for JSON, so nothing else was asked. Unlike a schema, it is a request and no guarantee."""


def to_messages(request: Json, fields: Fields, *, model: str | None = None) -> Json:
    """The body for `POST /v1/messages`, all but `model` and `stream`, which the adapter sets.

    `model` is the provider's name of the model, and by default the request's: thinking and sampling differ by version.
    Raises `PenstockError` (`invalid_request`) with the path of a field that is wrong, or that Anthropic can't be asked.
    """
    version = version_of(model or text_at(request.get("model") or "", "model"))
    for name, nothing in _ASKS_FOR_NOTHING.items():
        if request.get(name) is not None and request[name] not in nothing:
            fields.cannot(name)
    known = {*_ADAPTERS, *_TRANSLATED, *_ASKS_FOR_NOTHING, *_PRICE_ONLY}
    body: Json = {name: value for name, value in request.items() if name not in known}
    system, turns = conversation(request.get("messages"), fields)
    system = blocks_of(request.get("system"), OF_SYSTEM, "system", fields) + system
    tools = tooling(request, fields)
    forced = tools.get("tool_choice", {}).get("type") in ("any", "tool")
    thinking = thinking_of(request, turns, forced_tool=forced, version=version, fields=fields)
    body["max_tokens"] = thinking.max_tokens
    body["messages"] = [{**turn, "content": compact(turn["content"])} for turn in turns]
    body |= tools | sampling(request, thinking=thinking.on, version=version, fields=fields)
    body |= _stop(request, fields) | _metadata(request, fields) | service_tier(request, _SERVICE_TIERS, fields)
    if thinking.config is not None:
        body["thinking"] = thinking.config
    return body | _output(request, system, thinking.output_config, fields)


def _output(request: Json, system: list[Json], output_config: Json, fields: Fields) -> Json:
    """`system` and `output_config`: between them they carry `response_format`."""
    own = request.get("output_config")
    output_config = {**output_config, **(object_at(own, "output_config") if own is not None else {})}
    if request.get("response_format") is not None:
        response_format = object_at(request["response_format"], "response_format")
        match text_at(response_format.get("type"), "response_format.type"):
            case "text":
                pass
            case "json_object":
                system = [*system, {"type": "text", "text": _JSON_ONLY}]
            case "json_schema":
                output_config["format"] = {"type": "json_schema", "schema": _schema(response_format)}
            case _:
                fields.cannot("response_format.type")
    written: Json = {"system": compact(system)} if system else {}
    return {**written, **({"output_config": output_config} if output_config else {})}


def _schema(response_format: Json) -> Json:
    path = "response_format.json_schema"
    schema = object_at(response_format.get("json_schema"), path).get("schema")
    return constrained(object_at(schema, f"{path}.schema"), f"{path}.schema")


def _stop(request: Json, fields: Fields) -> Json:
    stop = request.get("stop")
    if stop is None:
        return {}
    sequences = []
    for index, item in enumerate([stop] if isinstance(stop, str) else list_at(stop, "stop")):
        path = "stop" if isinstance(stop, str) else f"stop[{index}]"
        if text_at(item, path).strip():
            sequences.append(item)
        else:
            fields.cannot(path, "must hold more than white space for this model's provider")
    return {"stop_sequences": sequences} if sequences else {}


def _metadata(request: Json, fields: Fields) -> Json:
    """Anthropic takes a user's id and no other label; OpenAI's `safety_identifier` is such an id too."""
    given = object_at(request["metadata"], "metadata") if request.get("metadata") is not None else {}
    for name in given:
        if name != "user_id":
            fields.cannot(f"metadata.{name}")
    for path, value in (
        ("user", request.get("user")),
        ("safety_identifier", request.get("safety_identifier")),
        ("metadata.user_id", given.get("user_id")),
    ):
        if value is not None:
            return {"metadata": {"user_id": text_at(value, path)}}
    return {}
