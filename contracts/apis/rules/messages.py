"""The rules of Anthropic's messages request, as far as they don't depend on the model."""

from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from contracts.apis.rules.rules import ModelName, Open


class Block(Open):
    """One content block; those of a kind that we don't know are the provider's to judge."""

    type: Annotated[str, Field(min_length=1)]

    @model_validator(mode="after")
    def _has_its_parts(self) -> "Block":
        have = self.model_extra or {}
        if self.type == "text" and not isinstance(have.get("text"), str):
            raise ValueError("a text block needs text")
        if self.type == "tool_use" and not (isinstance(have.get("id"), str) and isinstance(have.get("input"), dict)):
            raise ValueError("a tool_use block needs an id and an input that is an object")
        if self.type == "tool_result" and not isinstance(have.get("tool_use_id"), str):
            raise ValueError("a tool_result block needs a tool_use_id")
        if self.type in ("image", "document") and not isinstance(have.get("source"), dict):
            raise ValueError(f"a block of type {self.type} needs a source")
        return self


class Turn(Open):
    """One turn."""

    role: Literal["user", "assistant", "system"]
    content: str | list[Block]


class MessagesTool(Open):
    """A tool; those of Anthropic's own have a type and no schema."""

    name: Annotated[str, Field(min_length=1)]
    input_schema: dict[str, Any] | None = None


class CountTokensRequest(Open):
    """https://docs.anthropic.com/en/api/messages-count-tokens"""

    model: ModelName
    messages: Annotated[list[Turn], Field(min_length=1)]
    system: str | list[Block] | None = None
    tools: list[MessagesTool] | None = None
    tool_choice: dict[str, Any] | None = None
    stream: None = None


class MessagesRequest(Open):
    """https://docs.anthropic.com/en/api/messages, the fields whose rules hold for every provider."""

    model: ModelName
    messages: Annotated[list[Turn], Field(min_length=1)]
    max_tokens: Annotated[int, Field(ge=1)]
    system: str | list[Block] | None = None
    stream: bool | None = None
    temperature: Annotated[float | None, Field(ge=0, le=1)] = None
    top_p: Annotated[float | None, Field(ge=0, le=1)] = None
    top_k: Annotated[int | None, Field(ge=0)] = None
    stop_sequences: list[str] | None = None
    tools: list[MessagesTool] | None = None
    tool_choice: dict[str, Any] | None = None
    thinking: dict[str, Any] | None = None
    metadata: dict[str, Any] | None = None
