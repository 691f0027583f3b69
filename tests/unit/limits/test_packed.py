"""Requests, tokens and places as one number, whatever is added to it and taken off again."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.limits.counted import Kind, packed, packed_places, unpacked, unpacked_places

THREE = st.tuples(
    st.integers(-8_000_000, 8_000_000), st.integers(-(10**14), 10**14), st.integers(-1_000_000, 1_000_000)
)


def in_one(requests: int, tokens: int, places: int) -> int:
    return packed(Kind.REQUESTS, requests) + packed(Kind.TOKENS, tokens) + packed_places(places)


def taken_out(value: int) -> tuple[int, int, int]:
    return unpacked(Kind.REQUESTS, value), unpacked(Kind.TOKENS, value), unpacked_places(value)


@pytest.mark.parametrize(
    ("requests", "tokens"),
    [(0, 0), (1, 0), (0, 1), (7, 12_000), (8_000_000, 10**12), (3, -250), (-1, 40), (-1, -40)],
)
def test_each_kind_is_what_was_added_of_it(requests: int, tokens: int) -> None:
    value = packed(Kind.REQUESTS, requests) + packed(Kind.TOKENS, tokens)
    assert unpacked(Kind.REQUESTS, value) == requests
    assert unpacked(Kind.TOKENS, value) == tokens


@given(one=THREE)
def test_three_numbers_are_what_was_added_of_each_above_zero_and_below(one: tuple[int, int, int]) -> None:
    assert taken_out(in_one(*one)) == one


def test_what_processes_add_and_take_off_adds_up_for_each_number() -> None:
    # One takes eight places of 100 tokens, gives three away, and hands the rest back; another is corrected meanwhile.
    added = [in_one(8, 800, 8), in_one(1, 40, 0), in_one(0, -25, 0), in_one(-5, -500, -8)]
    assert taken_out(sum(added)) == (4, 315, 0)
