"""Requests and tokens as one number, whatever is added to it and taken off again."""

import pytest

from infra.limits.counted import Kind, packed, unpacked


@pytest.mark.parametrize(
    ("requests", "tokens"),
    [(0, 0), (1, 0), (0, 1), (7, 12_000), (8_000_000, 10**12), (3, -250), (-1, 40), (-1, -40)],
)
def test_each_kind_is_what_was_added_of_it(requests: int, tokens: int) -> None:
    value = packed(Kind.REQUESTS, requests) + packed(Kind.TOKENS, tokens)
    assert unpacked(Kind.REQUESTS, value) == requests
    assert unpacked(Kind.TOKENS, value) == tokens
