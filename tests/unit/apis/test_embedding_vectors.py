"""The vectors of an embeddings answer, as each provider writes them."""

import base64
from array import array
from typing import Any

import pytest

from contracts.apis.embeddings import vectors_in


def answer(*vectors: object) -> dict[str, Any]:
    return {"data": [{"index": index, "embedding": vector} for index, vector in enumerate(vectors)]}


def test_numbers_and_base64_are_the_same():
    numbers = [0.5, -0.25, 3.0]
    coded = base64.b64encode(array("f", numbers).tobytes()).decode()
    assert vectors_in(answer(numbers, coded), 2) == [array("f", numbers)] * 2


def test_they_are_put_into_the_order_of_the_inputs():
    said = answer([1], [2], [3])
    said["data"].reverse()
    assert [list(vector) for vector in vectors_in(said, 3)] == [[1], [2], [3]]


@pytest.mark.parametrize(
    "said",
    [
        {},
        {"data": None},
        answer([1]),
        answer([1], [2], [3]),
        answer([1], [1, 2]),
        answer([], []),
        answer("AAAA", "?"),
        answer("AAAA", "AAAA"),
        answer([1], ["x"]),
        {"data": [{"embedding": [1], "index": 0}] * 2},
        {"data": [[1], [2]]},
        {"data": [{"index": 0}, {"index": 1}]},
    ],
)
def test_what_does_not_hold_a_vector_of_one_length_for_each_input_is_refused(said: dict[str, Any]):
    with pytest.raises((ValueError, LookupError, TypeError, AttributeError)):
        vectors_in(said, 2)
