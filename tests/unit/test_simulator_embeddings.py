"""The simulator's embeddings: what is equal, how long they are, and how they are written."""

import base64
import math
import struct
from typing import Any

import openai.types
import orjson
import pytest

from infra.simulator.embeddings import Embeddings, vector_of
from tests.support.simulated import known, respond


def embedded(texts: Any, model: str = "sim-embedding", **body: Any) -> openai.types.CreateEmbeddingResponse:
    response = respond(Embeddings(), {"model": model, "input": texts} | body)
    return known(openai.types.CreateEmbeddingResponse.model_validate(orjson.loads(response), strict=True))


def vectors(texts: Any, model: str = "sim-embedding", **body: Any) -> list[list[float]]:
    return [entry.embedding for entry in embedded(texts, model, **body).data]


def test_equal_inputs_have_equal_vectors_and_others_have_not():
    one, two, three = vectors(["Hello", "Hello!", "Hello"])
    assert one == three == vectors("Hello")[0] == vectors("Hello", "sim-embedding@latency=5")[0]
    assert one != two
    assert one != vectors("Hello", "sim-other")[0]


def test_vectors_have_unit_length_and_point_anywhere():
    one, two = vectors(["Hello", "Bye"])
    assert math.hypot(*one) == pytest.approx(1, abs=1e-6)
    assert abs(sum(x * y for x, y in zip(one, two, strict=True))) < 0.2


def test_a_vector_is_the_same_in_every_process_and_release():
    assert [round(number, 4) for number in vector_of("sim-embedding", "Hello", 3)] == [0.7399, -0.5522, -0.3841]


@pytest.mark.parametrize(
    ("model", "dimensions", "length"),
    [
        ("sim-embedding", None, 1536),
        ("text-embedding-3-small", 256, 256),
        ("text-embedding-3-large", None, 3072),
        ("text-embedding-3-large", 2000, 2000),
    ],
)
def test_the_model_and_the_request_set_the_length(model: str, dimensions: int | None, length: int):
    assert [len(vector) for vector in vectors("Hello", model, dimensions=dimensions)] == [length]


def test_a_short_vector_is_the_beginning_of_the_long_one():
    long, short = vectors("Hello")[0], vectors("Hello", dimensions=4)[0]
    scale = math.hypot(*long[:4])
    assert [number / scale for number in long[:4]] == pytest.approx(short, abs=1e-6)


def test_base64_is_the_same_vector_in_32_bits_little_endian():
    response = orjson.loads(respond(Embeddings(), {"model": "m", "input": "Hello", "encoding_format": "base64"}))
    packed = base64.b64decode(response["data"][0]["embedding"])
    assert list(struct.unpack("<1536f", packed)) == vectors("Hello", "m")[0]


@pytest.mark.parametrize(
    ("texts", "inputs", "tokens"),
    [
        ("Hello, world", 1, 3),
        (["Hello, world", "Hi"], 2, 4),
        ([1, 2, 3], 1, 3),
        ([[1, 2, 3], [4]], 2, 4),
        (["Hi"] * 2048, 2048, 2048),
    ],
    ids=["text", "texts", "tokens", "lists of tokens", "the most there can be"],
)
def test_every_form_of_input_is_embedded_and_counted(texts: Any, inputs: int, tokens: int):
    response = embedded(texts, dimensions=2)
    assert [entry.index for entry in response.data] == list(range(inputs))
    assert (response.usage.prompt_tokens, response.usage.total_tokens) == (tokens, tokens)
