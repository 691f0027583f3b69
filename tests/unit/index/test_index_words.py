"""BM25 over postings: the best chunks are those that scoring everything finds, though not everything is scored."""

import math
from collections.abc import Mapping

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from infra.index import words
from infra.index.postings import Postings, TermPostings, gather, invert
from infra.index.words import best_by_words

chunks = st.lists(st.dictionaries(st.sampled_from("abcdefgh"), st.integers(1, 5), max_size=6), min_size=1, max_size=60)


def postings_of(texts: list[dict[str, int]], query: Mapping[str, int]) -> Postings:
    segment = invert(np.arange(1, len(texts) + 1), texts)
    rows = {(term, 1): TermPostings.of(entries) for term, entries in zip(segment.terms, segment.entries, strict=True)}
    terms = {term: found for term, found in gather(rows).items() if term in query}
    return Postings(terms, len(texts), sum(sum(text.values()) for text in texts) / len(texts))


def score(texts: list[dict[str, int]], query: Mapping[str, int], text: Mapping[str, int]) -> float:
    """The formula as it is written."""
    average = sum(sum(each.values()) for each in texts) / len(texts)
    total = 0.0
    for word, times in query.items():
        having = sum(word in each for each in texts)
        weight = math.log(1 + (len(texts) - having + 0.5) / (having + 0.5))
        often = text.get(word, 0)
        total += (
            times * weight * often * 1.9 / (often + 0.9 * (0.6 + 0.4 * sum(text.values()) / average)) if often else 0
        )
    return total


@settings(max_examples=300)
@given(chunks, st.dictionaries(st.sampled_from("abcdxyz"), st.integers(1, 3), max_size=5), st.integers(1, 12))
def test_the_best_are_those_that_the_formula_says(texts: list[dict[str, int]], query: dict[str, int], limit: int):
    found = best_by_words(postings_of(texts, query), limit, query)
    expected = sorted((score(texts, query, text) for text in texts), reverse=True)[:limit]
    assert found.scores.tolist() == pytest.approx([value for value in expected if value > 0], rel=1e-4)
    for chunk, value in zip(found.ids, found.scores, strict=True):
        assert value == pytest.approx(score(texts, query, texts[chunk - 1]), rel=1e-4)


def test_frequent_words_are_looked_up_only_where_they_matter(monkeypatch: pytest.MonkeyPatch):
    """Ten chunks have a rare word; that all thousand have a frequent one can't change which ten are best."""
    texts = [
        {"the": 1 + number % 3, "filler": 5} | ({"rare": 1} if number % 100 == 0 else {}) for number in range(1000)
    ]
    query = {"the": 1, "rare": 1}
    scored = []
    add = words._Word.add
    monkeypatch.setattr(words._Word, "add", lambda word, scores: scored.append(len(word.postings)) or add(word, scores))
    found = best_by_words(postings_of(texts, query), 10, query)
    assert scored == [10]
    assert set(found.ids.tolist()) == {1 + 100 * number for number in range(10)}
    best = max(score(texts, query, text) for text in texts)
    assert found.scores[0] == pytest.approx(best, rel=1e-4)


def test_among_equals_the_lower_id_comes_first():
    found = best_by_words(postings_of([{"a": 1}] * 9 + [{"b": 1}], {"a": 1}), 4)
    assert found.ids.tolist() == [1, 2, 3, 4]


def test_words_that_nobody_has_find_nothing():
    assert len(best_by_words(postings_of([{"a": 1}], {"b": 1}), 4).ids) == 0
