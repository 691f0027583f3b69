"""The rules of each API's requests, as far as they hold for every provider: what the validation worker refuses."""

from collections.abc import Mapping

from pydantic import BaseModel

from contracts.apis.rules.chat import ChatCompletionRequest
from contracts.apis.rules.embeddings import EmbeddingsRequest
from contracts.apis.rules.messages import CountTokensRequest, MessagesRequest
from contracts.apis.rules.responses import ResponsesRequest
from contracts.inference import (
    ANTHROPIC_COUNT_TOKENS,
    ANTHROPIC_MESSAGES,
    OPENAI_CHAT,
    OPENAI_EMBEDDINGS,
    OPENAI_RESPONSES,
)

RULES: Mapping[str, type[BaseModel]] = {
    OPENAI_CHAT: ChatCompletionRequest,
    OPENAI_RESPONSES: ResponsesRequest,
    OPENAI_EMBEDDINGS: EmbeddingsRequest,
    ANTHROPIC_MESSAGES: MessagesRequest,
    ANTHROPIC_COUNT_TOKENS: CountTokensRequest,
}
"""Every API's model. Unknown fields are let through: they are the provider's to judge."""
