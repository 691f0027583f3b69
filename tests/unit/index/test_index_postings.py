"""Postings: what is put in comes out again, joined, merged, and cut where PostgreSQL could not hold it."""

from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.index.postings import TERM_CHARACTERS, Segment, TermPostings, gather, invert, merge, stored_term

words = st.dictionaries(st.text(max_size=4), st.integers(1, 70_000), max_size=6)


def entries(segment: Segment) -> dict[str, list[tuple[int, int, int]]]:
    """By term: chunk, frequency, length."""
    found = {}
    for term, packed in zip(segment.terms, segment.entries, strict=True):
        postings = TermPostings.of(packed)
        columns = (postings.chunk_ids, postings.frequencies, postings.lengths)
        found[term] = [tuple(map(int, row)) for row in zip(*columns, strict=True)]
    return found


def of(chunks: Mapping[int, Mapping[str, int]]) -> Segment:
    return invert(np.array(list(chunks), np.int64), list(chunks.values()))


def test_a_term_says_in_which_chunks_it_stands_how_often_and_how_long_those_are():
    segment = of({7: Counter(["the", "cat", "and", "the", "dog"]), 9: Counter(["the"])})
    assert entries(segment) == {
        "the": [(7, 2, 5), (9, 1, 1)],
        "cat": [(7, 1, 5)],
        "and": [(7, 1, 5)],
        "dog": [(7, 1, 5)],
    }


def test_a_chunk_without_words_is_named_all_the_same():
    segment = of({1: {"word": 1}, 2: {}})
    assert segment.chunk_ids().tolist() == [1, 2]
    assert entries(segment)[""] == [(2, 0, 0)]


def test_what_is_too_large_for_its_field_is_the_largest_there_is():
    assert entries(of({1: {"a": 70_000, "b": 1}})) == {"a": [(1, 65_535, 65_535)], "b": [(1, 1, 65_535)]}


def test_words_that_are_one_when_cut_are_one_entry():
    long = "x" * TERM_CHARACTERS
    assert entries(of({1: {long + "a": 2, long + "b": 3}})) == {long: [(1, 5, 5)]}


@pytest.mark.parametrize(("term", "stored"), [("a\0b", "a�b"), ("\ud800", "?"), ("ü😀", "ü😀")])
def test_a_term_is_kept_as_postgresql_can_hold_it(term: str, stored: str):
    assert stored_term(term) == stored
    assert list(entries(of({1: {term: 1}}))) == [stored]


@given(st.lists(words, min_size=1, max_size=8))
def test_nothing_is_lost_and_nothing_added(chunks: Sequence[Mapping[str, int]]):
    segment = invert(np.arange(3, 3 + len(chunks)), chunks)
    expected: Counter[tuple[str, int]] = Counter()
    for number, each in enumerate(chunks, 3):
        for term, frequency in each.items():
            expected[stored_term(term), number] += frequency
    found = {(term, row[0]): row[1] for term, rows in entries(segment).items() for row in rows if row[1]}
    assert found == {key: min(count, 65_535) for key, count in expected.items()}
    for rows in entries(segment).values():
        assert rows == sorted(rows)


@given(st.lists(words, min_size=2, max_size=8), st.integers(1, 7), st.sets(st.integers(1, 8)))
def test_a_merge_is_what_one_segment_of_the_living_would_have_been(
    chunks: Sequence[Mapping[str, int]], cut: int, alive: set[int]
):
    numbered = dict(enumerate(chunks, 1))
    parts = [{number: each for number, each in numbered.items() if (number <= cut) is first} for first in (True, False)]
    rows = [row for part in parts if part for row in zip(of(part).terms, of(part).entries, strict=True)]
    left = {number: each for number, each in numbered.items() if number in alive}
    merged = merge(rows, np.array(sorted(alive), np.int32))
    assert entries(merged) == (entries(of(left)) if left else {})


def test_entries_that_were_joined_are_read_in_the_order_of_chunks():
    one, two = of({1: {"a": 1}, 9: {"a": 2}}), of({5: {"a": 3}})
    found = TermPostings.of(one.entries[0] + two.entries[0])
    assert (found.chunk_ids.tolist(), found.frequencies.tolist()) == ([1, 5, 9], [1, 3, 2])


def test_the_segments_of_a_term_are_read_as_one_list_in_the_order_of_chunks():
    """After a merge of some, the numbers of segments overlap."""
    one, two = of({1: {"a": 1}, 9: {"a": 2, "b": 1}}), of({5: {"a": 3}})
    rows = {
        (term, number): TermPostings.of(packed)
        for number, segment in ((1, one), (5, two))
        for term, packed in zip(segment.terms, segment.entries, strict=True)
    }
    found = gather(rows)
    assert found["a"].chunk_ids.tolist() == [1, 5, 9]
    assert found["a"].frequencies.tolist() == [1, 3, 2]
    assert found["a"].lengths.tolist() == [1, 3, 3]
    assert (len(found["a"]), len(found["b"])) == (3, 1)
