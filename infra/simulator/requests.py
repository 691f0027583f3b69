"""A chat request as the simulator understands it, whichever API it came by."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any


@dataclass(frozen=True, slots=True)
class Turn:
    """One message of a conversation, the same for both APIs.

    `role` is system, user, assistant or tool (OpenAI's developer is system, an Anthropic tool_result is a tool turn of
    its own). `attachments` are its parts that are neither text nor tool calls (images, documents), `calls` its tool
    calls without their ids; each as canonical JSON.
    """

    role: str
    text: str
    attachments: tuple[bytes, ...] = ()
    calls: tuple[bytes, ...] = ()


@dataclass(frozen=True, slots=True)
class Schema:
    """A JSON schema, and the request's field it came in, for an error to name."""

    where: str
    body: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Tool:
    """A function the model may call."""

    name: str
    description: str
    schema: Schema


class ToolUse(Enum):
    """What a request says of its tools: call none, call those that are asked for, or call at least one."""

    NONE = auto()
    AUTO = auto()
    REQUIRED = auto()


@dataclass(frozen=True, slots=True)
class Toolbox:
    """The tools of a request; `allowed` names those that may be called, None for all of them."""

    tools: tuple[Tool, ...] = ()
    use: ToolUse = ToolUse.AUTO
    allowed: frozenset[str] | None = None
    parallel: bool = True


NO_TOOLS = Toolbox()
# How many tokens of thought an effort stands for, by the names both APIs give efforts. OpenAI's `none` and `minimal`
# are no thought.
EFFORTS: Mapping[str, int] = {"low": 8, "medium": 16, "high": 24, "xhigh": 32, "max": 40}


@dataclass(frozen=True, slots=True)
class ChatRequest:
    """What determines the answer and how it is to be delivered.

    `max_tokens` None: no limit; `choices`: how many answers; `output`: the schema its content must be valid for;
    `json_object`: its content must be some JSON object; `thought_tokens`: the length of the reasoning, 0 for none;
    `thought_hidden`: the reasoning is paid for but not shown; `top_logprobs`: how many alternatives each token's
    logprobs have, None for no logprobs.
    """

    model: str
    turns: tuple[Turn, ...]
    max_tokens: int | None = None
    stops: tuple[str, ...] = ()
    choices: int = 1
    stream: bool = False
    include_usage: bool = False
    toolbox: Toolbox = NO_TOOLS
    output: Schema | None = None
    json_object: bool = False
    thought_tokens: int = 0
    thought_hidden: bool = False
    top_logprobs: int | None = None
