"""OpenAI's POST /v1/embeddings. Shapes: the API reference, as the `openai` SDK 3.54 types them.

The rule. A vector is drawn from a hash of the base model's name and the input, and has unit length, so equal inputs
have equal vectors and others are close to orthogonal: good for shapes, counts and equality, and of no use for meaning.
A shorter one is the beginning of a longer one, scaled, as OpenAI's are. Its length is 3072 for a model with `large` in
its name and 1536 for any other, unless `dimensions` asks for less.
"""

import base64
import hashlib
import math
import sys
from array import array
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from infra.simulator.answer import Usage
from infra.simulator.dialect import Stamp, Whole
from infra.simulator.errors import ApiError, ErrorKind, invalid, missing
from infra.simulator.fields import canonical, load_object, read_integer, read_model, read_word
from infra.simulator.knobs import Knobs
from infra.simulator.openai_shape import OpenAIShape
from infra.simulator.tokens import count_tokens

MAX_INPUTS = 2048
MAX_TOKENS = 8192
DIMENSIONS = 1536
LARGE_DIMENSIONS = 3072
_FORMATS = frozenset({"float", "base64"})


@dataclass(frozen=True, slots=True)
class EmbeddingsRequest:
    """Inputs to embed, each a text or a list of token ids; `dimensions` is the length of every vector."""

    model: str
    inputs: tuple[str | list[int], ...]
    dimensions: int
    as_base64: bool = False
    stream: bool = False


class Embeddings(OpenAIShape):
    """The endpoint; `deployment` is the model of a request that names none."""

    def __init__(self, deployment: str = "") -> None:
        self._deployment = deployment

    def parse(self, body: bytes) -> EmbeddingsRequest:
        """The request in a body; ApiError 400 for a bad one."""
        fields = load_object(body)
        model = read_model(fields, self._deployment)
        most = LARGE_DIMENSIONS if "large" in model else DIMENSIONS
        return EmbeddingsRequest(
            model=model,
            inputs=_inputs(fields),
            dimensions=read_integer(fields, "dimensions", 1, most) or most,
            as_base64=read_word(fields, "encoding_format", _FORMATS) == "base64",
        )

    def prompt_tokens(self, request: EmbeddingsRequest) -> int:
        """How many tokens the longest input has, which is what a window must hold."""
        return max(_tokens(value) for value in request.inputs)

    def too_long(self, tokens: int, window: int) -> ApiError:
        """The 400 that OpenAI gives for an input longer than the model's context."""
        message = (
            f"This model's maximum context length is {window} tokens, however you requested {tokens} tokens ({tokens}"
            " in your prompt; 0 for the completion). Please reduce your prompt; or completion length."
        )
        return ApiError(ErrorKind.INVALID_REQUEST, message)

    def respond(self, request: EmbeddingsRequest, knobs: Knobs, stamp: Stamp, *, filtered: bool = False) -> Whole:
        """A `list` of `embedding` objects in the order of the inputs."""
        vectors = [vector_of(knobs.base, value, request.dimensions) for value in request.inputs]
        data = [
            {"object": "embedding", "index": index, "embedding": _base64(vector) if request.as_base64 else list(vector)}
            for index, vector in enumerate(vectors)
        ]
        spent = sum(_tokens(value) for value in request.inputs)
        usage = {"prompt_tokens": spent, "total_tokens": spent}
        body = orjson.dumps({"object": "list", "data": data, "model": request.model, "usage": usage})
        return Whole(body, usage=Usage(prompt_tokens=spent, cached_tokens=0, completion_tokens=0))


def vector_of(model: str, value: str | list[int], dimensions: int) -> "array[float]":
    """The vector of one input, as 32-bit floats of unit length."""
    said = value.encode() if isinstance(value, str) else canonical(value)
    seed = b"\0".join((model.encode(), type(value).__name__.encode(), said))
    # Two bytes a number: fine enough that two vectors of different inputs never agree.
    drawn = array("h", hashlib.shake_128(seed).digest(2 * dimensions))
    if sys.byteorder == "big":
        drawn.byteswap()
    length = math.sqrt(sum(number * number for number in drawn)) or 1.0
    return array("f", [number / length for number in drawn])


def _base64(vector: "array[float]") -> str:
    if sys.byteorder == "big":
        vector.byteswap()
    return base64.b64encode(vector.tobytes()).decode()


def _tokens(value: str | list[int]) -> int:
    return count_tokens(value) if isinstance(value, str) else len(value)


def _inputs(fields: Mapping[str, Any]) -> tuple[str | list[int], ...]:
    given = fields.get("input")
    if given is None:
        raise missing("input")
    if isinstance(given, str) or (isinstance(given, list) and given and _are_tokens(given)):
        return (_checked(given, "input"),)
    if not isinstance(given, list):
        raise invalid("input", "expected a string, an array of strings or arrays of tokens", "invalid_type")
    if not given:
        raise invalid("input", "expected at least one input, but got an empty array", "empty_array")
    if len(given) > MAX_INPUTS:
        raise invalid("input", f"expected at most {MAX_INPUTS} inputs, but got {len(given)}", "array_above_max_length")
    return tuple(_checked(value, f"input[{index}]") for index, value in enumerate(given))


def _checked(value: object, where: str) -> str | list[int]:
    if not isinstance(value, str) and not (isinstance(value, list) and _are_tokens(value)):
        raise invalid(where, "expected a string or an array of tokens", "invalid_type")
    if not value:
        raise invalid(where, "input cannot be empty")
    if _tokens(value) > MAX_TOKENS:
        raise Embeddings().too_long(_tokens(value), MAX_TOKENS)
    return value


def _are_tokens(value: list[Any]) -> bool:
    return all(type(token) is int and token >= 0 for token in value)
