"""A vector on its way through a header."""

import numpy as np
import pytest

from ingestion.embedding import unit
from ingestion.embedding.wire import decode_vector, encode_vector


def test_a_vector_is_nearly_the_same_after_its_way():
    vector = unit(np.random.default_rng(1).normal(size=(1, 256)))[0]
    header = encode_vector(vector)
    again = decode_vector(header, 256)
    assert len(header) == 684
    assert again is not None
    assert float(vector @ again) > 0.9999


@pytest.mark.parametrize("header", ["", "AAAA", "no base64!", "é"])
def test_what_is_no_vector_is_none(header: str):
    assert decode_vector(header, 256) is None


def test_what_is_no_number_is_none():
    assert decode_vector(encode_vector(np.full(256, np.nan, np.float32)), 256) is None
