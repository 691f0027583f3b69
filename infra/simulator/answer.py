"""What an answer consists of, before either API puts its own shape on it."""

from dataclasses import dataclass
from enum import Enum, auto


class Finish(Enum):
    """Why an answer ended: by itself, at the token limit, at a stop sequence, with tool calls, or by a filter."""

    END = auto()
    LENGTH = auto()
    STOP_SEQUENCE = auto()
    CALLS = auto()
    FILTERED = auto()


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A call of a tool; its arguments as the tokens of their JSON, cut short where the answer's limit was reached."""

    name: str
    tokens: tuple[str, ...]

    @property
    def arguments(self) -> str:
        """The whole JSON."""
        return "".join(self.tokens)


@dataclass(frozen=True, slots=True)
class Choice:
    """One answer: its reasoning, then its text, as tokens, then its calls; `stop_sequence` is the one that ended it."""

    tokens: tuple[str, ...]
    finish: Finish
    stop_sequence: str | None = None
    reasoning: tuple[str, ...] = ()
    calls: tuple[ToolCall, ...] = ()

    @property
    def text(self) -> str:
        """The whole text."""
        return "".join(self.tokens)

    @property
    def length(self) -> int:
        """How many tokens it has, reasoning and calls included."""
        return len(self.tokens) + len(self.reasoning) + sum(len(call.tokens) for call in self.calls)


@dataclass(frozen=True, slots=True)
class Usage:
    """Token counts; `cached_tokens` are part of `prompt_tokens`, `reasoning_tokens` of `completion_tokens`."""

    prompt_tokens: int
    cached_tokens: int
    completion_tokens: int
    reasoning_tokens: int = 0


@dataclass(frozen=True, slots=True)
class Answer:
    """Everything a response says; at least one choice."""

    choices: tuple[Choice, ...]
    usage: Usage
