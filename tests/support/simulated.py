"""The simulator's endpoints without a server: bodies in, and what the official SDKs' types make of what comes out."""

from typing import Any, TypeVar

import anthropic.types
import openai.types.chat
import orjson
from pydantic import BaseModel, TypeAdapter

from infra.simulator.anthropic_dialect import AnthropicDialect
from infra.simulator.dialect import Dialect, Script, Stamp
from infra.simulator.errors import ApiError
from infra.simulator.faults import Ordinals, filters
from infra.simulator.knobs import read_knobs
from infra.simulator.openai_dialect import OpenAIDialect
from infra.simulator.options import SimulatorOptions

Model = TypeVar("Model", bound=BaseModel)
STAMP = Stamp("0123456789abcdef" * 2, 1_750_000_000)
OPENAI, ANTHROPIC = OpenAIDialect(), AnthropicDialect()
PLACE = {
    "type": "object",
    "properties": {"city": {"type": "string"}, "unit": {"enum": ["C", "F"]}, "days": {"type": "integer", "minimum": 1}},
    "required": ["city"],
}
_EVENTS: TypeAdapter[Any] = TypeAdapter(anthropic.types.RawMessageStreamEvent)


def openai_tools(*names: str) -> list[dict[str, Any]]:
    """Tools that take a PLACE, for OpenAI."""
    return [{"type": "function", "function": {"name": name, "parameters": PLACE}} for name in names]


def anthropic_tools(*names: str) -> list[dict[str, Any]]:
    """Tools that take a PLACE, for Anthropic."""
    return [{"name": name, "input_schema": PLACE} for name in names]


def respond(dialect: Dialect[Any], body: dict[str, Any]) -> bytes:
    """The whole response to a request, streamed or not; ApiError for one that is refused."""
    request = dialect.parse(orjson.dumps(body))
    knobs = read_knobs(request.model, {}, SimulatorOptions())
    response = dialect.respond(request, knobs, STAMP, filtered=filters(knobs, Ordinals(1, 1)))
    return b"".join((response.head, *response.tokens, response.tail)) if isinstance(response, Script) else response.body


def refusal(dialect: Dialect[Any], body: dict[str, Any]) -> dict[str, Any]:
    """The `error` object of a request that is refused."""
    try:
        respond(dialect, body)
    except ApiError as error:
        refused: dict[str, Any] = orjson.loads(dialect.error(error, STAMP))["error"]
        return refused | {"status": error.kind.value}
    raise AssertionError("it was answered")


def completion(**body: Any) -> openai.types.chat.ChatCompletion:
    """A chat completion, which has nothing that the SDK doesn't know."""
    return known(openai.types.chat.ChatCompletion.model_validate(orjson.loads(respond(OPENAI, body)), strict=True))


def chunks(**body: Any) -> list[openai.types.chat.ChatCompletionChunk]:
    """The chunks of a streamed one, up to [DONE]."""
    *lines, last = respond(OPENAI, body | {"stream": True}).decode().removesuffix("\n\n").split("\n\n")
    assert last == "data: [DONE]"
    parse = openai.types.chat.ChatCompletionChunk.model_validate_json
    return [known(parse(line.removeprefix("data: "), strict=True)) for line in lines]


def message(**body: Any) -> anthropic.types.Message:
    """A message, which has nothing that the SDK doesn't know."""
    body = {"max_tokens": 4000} | body
    return known(anthropic.types.Message.model_validate(orjson.loads(respond(ANTHROPIC, body)), strict=True))


def events(**body: Any) -> list[Any]:
    """The events of a streamed one, without the ping."""
    body = {"max_tokens": 4000, "stream": True} | body
    texts = respond(ANTHROPIC, body).decode().removesuffix("\n\n").split("\n\n")
    datas = [text.split("\ndata: ") for text in texts]
    assert all(name.removeprefix("event: ") == orjson.loads(data)["type"] for name, data in datas)
    return [known(_EVENTS.validate_json(data)) for name, data in datas if name != "event: ping"]


def known(model: Model) -> Model:
    """The model, after a check that its type has every field of it, at any depth."""
    # DeepSeek's and vLLM's own field is the one exception: the SDK hands it through.
    assert set(unknown_fields(model)) <= {"reasoning_content"}
    return model


def unknown_fields(model: object) -> list[str]:
    """Fields that the SDK's own type does not have, at any depth."""
    if isinstance(model, list):
        return [name for item in model for name in unknown_fields(item)]
    if not isinstance(model, BaseModel):
        return []
    inner = [name for field in type(model).model_fields for name in unknown_fields(getattr(model, field))]
    return [*(model.model_extra or {}), *inner]


def openai_call(*ids: str, arguments: str = '{"city": "Paris"}') -> dict[str, Any]:
    function = {"name": "get_weather", "arguments": arguments}
    return {"role": "assistant", "tool_calls": [{"id": one, "type": "function", "function": function} for one in ids]}


def openai_result(call_id: str, text: Any = "21 degrees") -> dict[str, Any]:
    return {"role": "tool", "tool_call_id": call_id, "content": text}


def anthropic_call(*ids: str, before: tuple[dict[str, Any], ...] = ()) -> dict[str, Any]:
    uses = [{"type": "tool_use", "id": one, "name": "get_weather", "input": {"city": "Paris"}} for one in ids]
    return {"role": "assistant", "content": [*before, *uses]}


def anthropic_results(*ids: str, text: Any = "21 degrees", after: tuple[dict[str, Any], ...] = ()) -> dict[str, Any]:
    results = [{"type": "tool_result", "tool_use_id": one, "content": text} for one in ids]
    return {"role": "user", "content": [*results, *after]}
