"""A conversation in no API's shape, and an answer out of any."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic import BaseModel


@dataclass(frozen=True, slots=True)
class Tool:
    """A function that the model may call; it takes a city."""

    name: str
    description: str = "Looks it up."

    @property
    def schema(self) -> dict[str, Any]:
        """Of its arguments."""
        properties = {"city": {"type": "string"}}
        return {"type": "object", "properties": properties, "required": ["city"], "additionalProperties": False}


@dataclass(frozen=True, slots=True)
class User:
    """What the user says. An image is a URL, a data URI among them."""

    text: str
    images: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Assistant:
    """What the model is to have said."""

    text: str


@dataclass(frozen=True, slots=True)
class Stranger:
    """Somebody who has no part in a conversation."""

    role: str


@dataclass(frozen=True, slots=True)
class Results:
    """What tools returned, by the ids of their calls."""

    texts: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Call:
    """A tool call."""

    id: str
    name: str
    arguments: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens; the reasoning's are part of the output's."""

    input: int
    output: int
    reasoning: int = 0


@dataclass(frozen=True, slots=True)
class Answer:
    """What a front said. It can be a turn of the next prompt: `said` is what its SDK's users send back.

    `stop` is end, length or calls; `pieces` are the texts that a stream came in; `parsed` is the SDK's own work.
    """

    text: str
    calls: tuple[Call, ...]
    stop: str
    usage: Usage
    model: str
    headers: Mapping[str, str]
    reasoning: str = ""
    pieces: tuple[str, ...] = ()
    parsed: BaseModel | None = None
    said: Any = None

    @property
    def request_id(self) -> str:
        """Under which the ledger has it."""
        return self.headers["x-request-id"]


Turn = User | Assistant | Stranger | Results | Answer


@dataclass(frozen=True, slots=True)
class Prompt:
    """What is asked. `choice` is auto, required or a tool's name; `more` are fields that the SDK doesn't know."""

    model: str
    turns: tuple[Turn, ...]
    system: str | None = None
    tools: tuple[Tool, ...] = ()
    choice: str | None = None
    parallel: bool | None = None
    max_tokens: int | None = None
    stop: str | None = None
    effort: str | None = None
    output: type[BaseModel] | None = None
    fields: Mapping[str, Any] = field(default_factory=dict)
    more: Mapping[str, Any] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
