"""What differs between the APIs when somebody who is no translator looks at a request or an answer."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Protocol

from contracts.apis import chat, embeddings, messages
from contracts.apis.assemble_chat import ChatAssembler
from contracts.apis.assemble_message import MessageAssembler
from contracts.apis.fields import Json
from contracts.apis.responses import facts as responses
from contracts.apis.responses.assemble import ResponseAssembler
from contracts.inference import (
    ANTHROPIC_COUNT_TOKENS,
    ANTHROPIC_MESSAGES,
    OPENAI_CHAT,
    OPENAI_EMBEDDINGS,
    OPENAI_RESPONSES,
    TokenUsage,
)


class Assembler(Protocol):
    """Puts a whole answer together from the events of its stream."""

    output_characters: int

    def add(self, event: Json) -> None:
        """Take one event in."""
        ...

    def answer(self) -> Json:
        """What has been said so far, in the shape of a whole answer."""
        ...


@dataclass(frozen=True, slots=True)
class Shape:
    """One API.

    `usage` finds the usage object of an answer, `usage_in` that of a stream's event (given what was known before), and
    `tokens` reads either. `finish_reasons` are the provider's words; `is_whole` says whether an answer came to its own
    end, so that it may be given again. `prompt_characters` and `answer_characters` are for estimates.
    """

    tokens: Callable[[Any], TokenUsage | None]
    usage_in: Callable[[Json, Any], Any]
    finish_reasons: Callable[[Json], list[str]]
    is_whole: Callable[[Json], bool]
    prompt_characters: Callable[[Json], int]
    answer_characters: Callable[[Json], int]
    assembler: Callable[[], Assembler]


def _none_finish(_: Json) -> list[str]:
    return []


def _says_nothing(_: Json) -> int:
    return 0


def _always_whole(_: Json) -> bool:
    return True


def _free(_: Any) -> TokenUsage:  # noqa: ANN401 - a count has no usage: no provider charges for it
    return TokenUsage()


_CHAT = Shape(
    tokens=chat.tokens,
    usage_in=chat.usage_in,
    finish_reasons=chat.finish_reasons,
    is_whole=chat.is_whole,
    prompt_characters=chat.prompt_characters,
    answer_characters=chat.answer_characters,
    assembler=ChatAssembler,
)
_MESSAGES = Shape(
    tokens=messages.tokens,
    usage_in=messages.usage_in,
    finish_reasons=messages.finish_reasons,
    is_whole=messages.is_whole,
    prompt_characters=messages.prompt_characters,
    answer_characters=messages.answer_characters,
    assembler=MessageAssembler,
)
_RESPONSES = Shape(
    tokens=responses.tokens,
    usage_in=responses.usage_in,
    finish_reasons=responses.finish_reasons,
    is_whole=responses.is_whole,
    prompt_characters=responses.prompt_characters,
    answer_characters=responses.answer_characters,
    assembler=ResponseAssembler,
)
_EMBEDDINGS = Shape(
    tokens=embeddings.tokens,
    usage_in=chat.usage_in,
    finish_reasons=_none_finish,
    is_whole=embeddings.is_whole,
    prompt_characters=embeddings.prompt_characters,
    answer_characters=_says_nothing,
    assembler=ChatAssembler,
)
_COUNT_TOKENS = replace(_EMBEDDINGS, is_whole=_always_whole, tokens=_free, prompt_characters=messages.prompt_characters)

SHAPES: Mapping[str, Shape] = {
    OPENAI_CHAT: _CHAT,
    OPENAI_RESPONSES: _RESPONSES,
    OPENAI_EMBEDDINGS: _EMBEDDINGS,
    ANTHROPIC_MESSAGES: _MESSAGES,
    ANTHROPIC_COUNT_TOKENS: _COUNT_TOKENS,
}
"""Every API by its name."""
