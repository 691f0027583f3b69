"""The rules of OpenAI's chat completion request, as far as they don't depend on the model.

Fields that we don't know are the provider's to judge: they are passed on.
"""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from contracts.errors import ErrorCode, PenstockError

_STAGE = "validation"


class _Open(BaseModel):
    model_config = ConfigDict(extra="allow", strict=True)


class ContentPart(_Open):
    type: Annotated[str, Field(min_length=1)]

    @model_validator(mode="after")
    def _has_its_text(self) -> "ContentPart":
        if self.type == "text" and not isinstance((self.model_extra or {}).get("text"), str):
            raise ValueError("a text part needs text")
        return self


class Message(_Open):
    role: Literal["system", "developer", "user", "assistant", "tool", "function"]
    content: str | list[ContentPart] | None = None

    @model_validator(mode="after")
    def _says_something(self) -> "Message":
        instead = (self.model_extra or {}).keys() & {"tool_calls", "function_call", "refusal", "audio"}
        if self.content is None and not (self.role == "assistant" and instead):
            raise ValueError("a message needs content")
        return self


class StreamOptions(_Open):
    include_usage: bool | None = None


class ChatCompletionRequest(_Open):
    """https://platform.openai.com/docs/api-reference/chat/create, the fields whose rules hold for every provider."""

    model: Annotated[str, Field(min_length=1, max_length=256)]
    messages: Annotated[list[Message], Field(min_length=1)]
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    temperature: Annotated[float | None, Field(ge=0, le=2)] = None
    top_p: Annotated[float | None, Field(ge=0, le=1)] = None
    n: Annotated[int | None, Field(ge=1, le=128)] = None
    max_tokens: Annotated[int | None, Field(ge=1)] = None
    max_completion_tokens: Annotated[int | None, Field(ge=1)] = None
    presence_penalty: Annotated[float | None, Field(ge=-2, le=2)] = None
    frequency_penalty: Annotated[float | None, Field(ge=-2, le=2)] = None
    stop: str | list[str] | None = None
    tools: list[dict[str, Any]] | None = None

    @field_validator("model")
    @classmethod
    def _is_a_name(cls, model: str) -> str:
        # It travels in headers, which are trimmed, and into PostgreSQL, which takes no NUL.
        if " " in model or not model.isprintable():
            raise ValueError("the name of a model has neither white space nor control characters")
        return model


def check_chat(request: dict[str, Any]) -> ChatCompletionRequest:
    """Raises `PenstockError` (`invalid_request`) with the path of the first offending field."""
    try:
        return ChatCompletionRequest.model_validate(request)
    except ValidationError as error:
        raise invalid(error, _STAGE) from None


def invalid(error: ValidationError, stage: str, prefix: str = "") -> PenstockError:
    """One sentence and one path out of pydantic's list: the first is what the caller has to mend first."""
    found = error.errors()
    # The branches of a union all complain; the one that got furthest is the one that was meant.
    first = max((item for item in found if item["loc"][:2] == found[0]["loc"][:2]), key=lambda item: len(item["loc"]))
    path = prefix + field_path(first["loc"])
    reason = first["msg"].removeprefix("Value error, ")
    return PenstockError(
        ErrorCode.INVALID_REQUEST, f"{path or 'the request'}: {reason}", stage=stage, param=path or None
    )


def field_path(loc: tuple[int | str, ...]) -> str:
    """`messages[0].role`; the names of union branches, which pydantic puts in as well, are left out."""
    path = ""
    for part in loc:
        if isinstance(part, int):
            path += f"[{part}]"
        elif part not in ("str", "bool", "float", "int") and "[" not in part:
            path += f".{part}" if path else part
    return path
