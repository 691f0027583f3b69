"""The rules of OpenAI's chat completion request, as far as they don't depend on the model."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from contracts.apis.rules.file_search import Tools
from contracts.apis.rules.rules import ModelName, Open


class ContentPart(Open):
    type: Annotated[str, Field(min_length=1)]

    @model_validator(mode="after")
    def _has_its_text(self) -> "ContentPart":
        if self.type == "text" and not isinstance((self.model_extra or {}).get("text"), str):
            raise ValueError("a text part needs text")
        return self


class ChatMessage(Open):
    role: Literal["system", "developer", "user", "assistant", "tool", "function"]
    content: str | list[ContentPart] | None = None

    @model_validator(mode="after")
    def _says_something(self) -> "ChatMessage":
        instead = (self.model_extra or {}).keys() & {"tool_calls", "function_call", "refusal", "audio"}
        if self.content is None and not (self.role == "assistant" and instead):
            raise ValueError("a message needs content")
        return self


class StreamOptions(Open):
    include_usage: bool | None = None


class ChatCompletionRequest(Open):
    """https://platform.openai.com/docs/api-reference/chat/create, the fields whose rules hold for every provider."""

    model: ModelName
    messages: Annotated[list[ChatMessage], Field(min_length=1)]
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
    tools: Tools | None = None
