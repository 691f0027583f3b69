"""The doors of the gateway: an API, the dialect it is spoken in, and where it stands."""

from dataclasses import dataclass
from typing import Final

from api.dialects.anthropic import VERSION_HEADER, Anthropic
from api.dialects.dialect import Dialect, Header
from api.dialects.openai import OpenAI, OpenAIResponses
from contracts.inference import (
    ANTHROPIC_COUNT_TOKENS,
    ANTHROPIC_MESSAGES,
    OPENAI_CHAT,
    OPENAI_EMBEDDINGS,
    OPENAI_RESPONSES,
)
from infra.access.scopes import EMBEDDINGS, INFERENCE

OPENAI: Final[Dialect] = OpenAI()
RESPONSES: Final[Dialect] = OpenAIResponses()
ANTHROPIC: Final[Dialect] = Anthropic()


@dataclass(frozen=True, slots=True)
class Front:
    """One door: what is posted to `path` is a request of `api`, for keys with `scope`."""

    path: str
    api: str
    dialect: Dialect
    scope: str = INFERENCE


FRONTS: Final = (
    Front("/v1/chat/completions", OPENAI_CHAT, OPENAI),
    Front("/v1/embeddings", OPENAI_EMBEDDINGS, OPENAI, EMBEDDINGS),
    Front("/v1/messages", ANTHROPIC_MESSAGES, ANTHROPIC),
    Front("/v1/messages/count_tokens", ANTHROPIC_COUNT_TOKENS, ANTHROPIC),
)
RESPONSES_FRONT: Final = Front("/v1/responses", OPENAI_RESPONSES, RESPONSES)


def spoken_by(header: Header) -> Dialect:
    """The dialect of a caller at a path that both SDKs know: Anthropic's always names its version."""
    return OPENAI if header(VERSION_HEADER) is None else ANTHROPIC
