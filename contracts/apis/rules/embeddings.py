"""The rules of OpenAI's embeddings request, as far as they don't depend on the model."""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field

from contracts.apis.rules.rules import ModelName, Open

MOST_INPUTS = 2048
"""Of one request: https://platform.openai.com/docs/api-reference/embeddings/create"""


def _is_tokens(value: object) -> bool:
    return isinstance(value, list) and bool(value) and all(type(token) is int and token >= 0 for token in value)


def _is_text(value: object) -> bool:
    return isinstance(value, str) and value != ""


def _is_an_input(value: object) -> object:
    if _is_text(value) or _is_tokens(value):
        return value
    if not isinstance(value, list) or not value:
        raise ValueError("must be text, tokens, or a list of either, and not empty")
    if len(value) > MOST_INPUTS:
        raise ValueError(f"has {len(value)} inputs, of at most {MOST_INPUTS}")
    if not all(map(_is_text, value)) and not all(map(_is_tokens, value)):
        raise ValueError("must hold texts that are not empty, or lists of tokens")
    return value


class EmbeddingsRequest(Open):
    """The fields whose rules hold for every provider."""

    model: ModelName
    input: Annotated[Any, AfterValidator(_is_an_input)]
    encoding_format: Literal["float", "base64"] | None = None
    dimensions: Annotated[int | None, Field(ge=1)] = None
    user: str | None = None
    stream: None = None
