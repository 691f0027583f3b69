"""BM25 over arrays, against the formula written out."""

import math
from collections import Counter
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingestion.text import term_frequencies
from tests.support.bm25 import K1, B, Postings, Statistics, bm25, word_weight

CORPUS = ["a cat sat on a mat", "the cat", "a dog and a cat and a cow", "nothing of the kind", ""]


def index_of(texts: list[str]) -> tuple[dict[str, Postings], np.ndarray[Any, Any], Statistics]:
    """The inverted index of texts that are chunks 0, 1, …"""
    lists: dict[str, list[tuple[int, int]]] = {}
    for number, text in enumerate(texts):
        for word, frequency in term_frequencies(text).items():
            lists.setdefault(word, []).append((number, frequency))
    postings = {
        word: Postings(np.array([one for one, _ in found], np.int32), np.array([count for _, count in found], np.int16))
        for word, found in lists.items()
    }
    lengths = np.array([sum(term_frequencies(text).values()) for text in texts], np.int32)
    return postings, lengths, Statistics(len(texts), int(lengths.sum()))


def search(texts: list[str], query: str) -> list[float]:
    postings, lengths, statistics = index_of(texts)
    asked = term_frequencies(query).items()
    found = [postings[word]._replace(times=times) for word, times in asked if word in postings]
    return [float(score) for score in bm25(found, lengths, statistics)]


def reference(texts: list[str], query: str) -> list[float]:
    """Lucene's formula, one chunk and one word at a time."""
    counted = [Counter(text.split()) for text in texts]
    average = sum(map(Counter.total, counted)) / len(counted)
    scores = []
    for words in counted:
        score = 0.0
        for word in query.split():
            n = sum(word in other for other in counted)
            idf = math.log(1 + (len(texts) - n + 0.5) / (n + 0.5))
            score += idf * words[word] / (words[word] + K1 * (1 - B + B * words.total() / average))
        scores.append(score)
    return scores


@pytest.mark.parametrize("query", ["cat", "a cat", "the dog and the cat", "cat cat", "unknown", ""])
def test_scores_are_those_of_the_formula(query: str):
    assert search(CORPUS, query) == pytest.approx(reference(CORPUS, query), rel=1e-5)


@given(texts=st.lists(st.lists(st.sampled_from("abcde"), min_size=1, max_size=9).map(" ".join), min_size=1, max_size=9))
def test_scores_are_those_of_the_formula_for_any_corpus(texts: list[str]):
    assert search(texts, "a b b") == pytest.approx(reference(texts, "a b b"), rel=1e-4)


def test_a_rare_word_tells_more_than_a_frequent_one():
    dog, cat = search(CORPUS, "dog"), search(CORPUS, "cat")
    assert dog[2] > cat[2] > 0


def test_a_words_count_in_the_whole_index_can_be_given():
    postings, lengths, statistics = index_of(CORPUS)
    part = Postings(postings["cat"].ids[:1], postings["cat"].frequencies[:1], found_in=3)
    assert bm25([part], lengths, statistics)[0] == bm25([postings["cat"]], lengths, statistics)[0]


def test_an_empty_index_has_no_scores():
    assert len(bm25([], np.array([], np.int32), Statistics(0, 0))) == 0


def test_a_count_that_is_out_of_date_makes_no_word_count_against_a_chunk():
    assert word_weight(found_in=10, chunks=8) > 0
