"""How long a prompt is, and how long its answer may get. For validated requests, and any others."""

from contracts.apis.counts import count
from contracts.apis.fields import Json
from contracts.apis.shape import SHAPES
from contracts.inference import ANTHROPIC_COUNT_TOKENS, ANTHROPIC_MESSAGES, OPENAI_EMBEDDINGS, OPENAI_RESPONSES

CHARACTERS_PER_TOKEN = 4
"""OpenAI's rule of thumb for English text (platform.openai.com/tokenizer), for what is marked an estimate."""
_SPEECHLESS = (OPENAI_EMBEDDINGS, ANTHROPIC_COUNT_TOKENS)
_NAMES = {OPENAI_RESPONSES: ("max_output_tokens",), ANTHROPIC_MESSAGES: ("max_tokens",)}
_CHAT = ("max_completion_tokens", "max_tokens")


def estimated_tokens(characters: int) -> int:
    """The tokens of a text of that length, more or less."""
    return -(-characters // CHARACTERS_PER_TOKEN)


def prompt_tokens(api: str, request: Json) -> int:
    """An estimate of the tokens of a prompt in the shape of `api`."""
    return estimated_tokens(SHAPES[api].prompt_characters(request))


def max_output_tokens(api: str, request: Json) -> int | None:
    """Tokens that the caller allows, over all the answers that it asks for, reasoning among them; None without a limit.

    0 for an API that says nothing.
    """
    if api in _SPEECHLESS:
        return 0
    limit = next((found for name in _NAMES.get(api, _CHAT) if (found := count(request.get(name)))), None)
    return None if limit is None else limit * answers(api, request)


def answers(api: str, request: Json) -> int:
    """How many answers a request asks for: a chat's `n`, else 1; 0 for an API that says nothing."""
    if api in _SPEECHLESS:
        return 0
    return count(request.get("n")) or 1 if api not in _NAMES else 1
