"""The words of full text search."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingestion.text import LONGEST_WORD, term_frequencies, words


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("The quick-brown fox, isn't it?", ["the", "quick", "brown", "fox", "isn", "t", "it"]),
        ("snake_case and HTTP2", ["snake", "case", "and", "http2"]),
        ("Straße \uff21\uff22\uff23 \ufb01ne \u210c", ["strasse", "abc", "fine", "h"]),
        ("Na\u00efve nai\u0308ve", ["na\u00efve", "na\u00efve"]),
        ("हिन्दी भाषा।", ["हिन्दी", "भाषा"]),
        ("مُدَرِّسَة", ["مُدَرِّسَة"]),
        ("漢字とfoo", ["漢", "字", "と", "foo"]),
        ("한국어 문장", ["한국어", "문장"]),
        ("... --- \n", []),
    ],
)
def test_words_are_letters_and_digits_in_lower_case(text: str, found: list[str]):
    assert words(text) == found


def test_what_is_too_long_for_a_word_is_cut():
    assert words("A" * 1000) == ["a" * LONGEST_WORD]


def test_frequencies_count_each_word():
    assert term_frequencies("To be, or not to be") == {"to": 2, "be": 2, "or": 1, "not": 1}


@given(st.text())
def test_upper_case_is_found_by_lower_case(text: str):
    assert words(text) == words(" ".join(words(text)))
    assert all(word == word.casefold() for word in words(text))
