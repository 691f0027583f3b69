"""The rules of a request for a Response, as far as they hold for every provider.

Fields and types of items that we don't know are left to the translation or to the provider.
"""

from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BeforeValidator,
    ConfigDict,
    Field,
    TypeAdapter,
    ValidationError,
    model_validator,
)
from pydantic_core import InitErrorDetails

from contracts.apis.responses.items import kind_of
from contracts.apis.rules.file_search import Tools
from contracts.apis.rules.rules import ModelName, Open

_Name = Annotated[str, Field(min_length=1)]


class ContentPart(Open):
    type: _Name

    @model_validator(mode="after")
    def _has_its_text(self) -> Self:
        extra = self.model_extra or {}
        if self.type in ("input_text", "output_text") and not isinstance(extra.get("text"), str):
            raise ValueError(f"an {self.type} part needs text")
        if self.type == "input_image" and not (extra.get("image_url") or extra.get("file_id")):
            raise ValueError("an input_image part needs image_url or file_id")
        return self


class Message(Open):
    role: Literal["user", "assistant", "system", "developer"]
    content: str | list[ContentPart]


class FunctionCall(Open):
    call_id: _Name
    name: _Name
    arguments: str


class FunctionCallOutput(Open):
    call_id: _Name
    output: str | list[ContentPart]


class Reasoning(Open):
    summary: list[dict[str, Any]] | None = None
    encrypted_content: str | None = None


class ItemReference(Open):
    id: _Name


class OtherItem(Open):
    type: _Name


_ITEMS: dict[str, type[Open]] = {
    "message": Message,
    "function_call": FunctionCall,
    "function_call_output": FunctionCallOutput,
    "reasoning": Reasoning,
    "item_reference": ItemReference,
}


def _is_an_item(value: dict[str, Any]) -> dict[str, Any]:
    _ITEMS.get(kind_of(value), OtherItem).model_validate(value)
    return value


_INPUT = TypeAdapter(
    Annotated[
        list[Annotated[dict[str, Any], AfterValidator(_is_an_item)]],
        Field(min_length=1),
    ],
    config=ConfigDict(strict=True),
)


def _is_an_input(value: object) -> object:
    # Not a union: its branches would both complain, and the one that is meant can be told from the outside.
    if value is not None and not isinstance(value, str):
        _INPUT.validate_python(value)
    return value


class Tool(Open):
    type: _Name
    name: str | None = None
    parameters: dict[str, Any] | None = None
    strict: bool | None = None

    @model_validator(mode="after")
    def _function_has_a_name(self) -> Self:
        if self.type == "function" and not self.name:
            raise ValueError("a function needs a name")
        return self


_TOOLS = TypeAdapter(Tools | None, config=ConfigDict(strict=True))


def _are_tools(value: object) -> object:
    _TOOLS.validate_python(value)
    return value


class TextFormat(Open):
    type: _Name
    name: str | None = None

    @model_validator(mode="after")
    def _schema_is_there(self) -> Self:
        if self.type == "json_schema":
            if not self.name:
                raise ValueError("a json_schema format needs a name")
            if not isinstance((self.model_extra or {}).get("schema"), dict):
                raise ValueError("a json_schema format needs a schema")
        return self


class TextSettings(Open):
    format: TextFormat | None = None
    verbosity: str | None = None


class ReasoningSettings(Open):
    effort: str | None = None
    summary: str | None = None


_MetadataKey = Annotated[str, Field(max_length=64)]
_MetadataValue = Annotated[str, Field(max_length=512)]


class ResponsesRequest(Open):
    """https://platform.openai.com/docs/api-reference/responses/create, the fields whose rules hold for every provider.

    OpenAI's own least `max_output_tokens` is 16; other servers take fewer.
    """

    model: ModelName
    input: Annotated[Any, BeforeValidator(_is_an_input)] = None
    instructions: str | None = None
    stream: bool | None = None
    background: bool | None = None
    store: bool | None = None
    previous_response_id: str | None = None
    conversation: str | dict[str, Any] | None = None
    prompt: dict[str, Any] | None = None
    max_output_tokens: Annotated[int | None, Field(ge=1)] = None
    max_tool_calls: Annotated[int | None, Field(ge=1)] = None
    temperature: Annotated[float | None, Field(ge=0, le=2)] = None
    top_p: Annotated[float | None, Field(ge=0, le=1)] = None
    top_logprobs: Annotated[int | None, Field(ge=0, le=20)] = None
    metadata: Annotated[dict[_MetadataKey, _MetadataValue] | None, Field(max_length=16)] = None
    tools: Annotated[list[Tool] | None, BeforeValidator(_are_tools)] = None
    tool_choice: str | dict[str, Any] | None = None
    parallel_tool_calls: bool | None = None
    include: list[str] | None = None
    truncation: Literal["auto", "disabled"] | None = None
    text: TextSettings | None = None
    reasoning: ReasoningSettings | None = None
    user: str | None = None
    safety_identifier: str | None = None
    prompt_cache_key: str | None = None
    service_tier: str | None = None

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.background and self.store is False:
            raise _at("background", "needs store: an answer that nobody waits for has to be kept")
        if self.previous_response_id is not None and self.conversation is not None:
            raise _at("previous_response_id", "goes on from one Response, conversation from all: only one can be given")
        if self.input is None and self.previous_response_id is None and not (self.conversation or self.prompt):
            raise _at("input", "must be given, as text or as a list of items")
        return self


def _at(field: str, reason: str) -> ValidationError:
    """A complaint of the whole request that names one field all the same."""
    details = InitErrorDetails(type="value_error", loc=(field,), input=None, ctx={"error": ValueError(reason)})
    return ValidationError.from_exception_data("ResponsesRequest", [details])
