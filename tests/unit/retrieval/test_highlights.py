"""Which words of a text are marked: those that full text search finds."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingestion.text import spans, words


def marked(text: str, query: str) -> list[str]:
    return [text[begin:end] for begin, end in spans(text, frozenset(words(query)))]


@pytest.mark.parametrize(
    ("text", "query", "found"),
    [
        ("The cat and the CATS.", "cat", ["cat"]),
        ("Cat, cat; CAT", "cAt", ["Cat", "cat", "CAT"]),
        ("don't", "t", ["t"]),
        ("snake_case name", "case", ["case"]),
        ("nothing here", "cat", []),
        ("", "cat", []),
        ("Straße und STRASSE", "strasse", ["Straße", "STRASSE"]),
        ("naïve NAÏVE naive", "naïve", ["naïve", "NAÏVE"]),
        ("İstanbul ve istanbul", "istanbul", ["istanbul"]),
        ("日本語の本", "本", ["本", "本"]),
        ("日本語", "日本", ["日本"]),
        ("ﬁne and fine", "fine", ["ﬁne", "fine"]),
        ("\uff41\uff42\uff43", "abc", ["\uff41\uff42\uff43"]),
        ("हिन्दी में", "हिन्दी", ["हिन्दी"]),
        ("a" * 70, "a" * 66, ["a" * 70]),
        ("x² + y", "x2", ["x²"]),
    ],
)
def test_the_words_of_the_query_are_marked_in_the_text_as_it_is(text: str, query: str, found: list[str]):
    assert marked(text, query) == found


def test_what_a_document_is_found_by_is_marked():
    """Each of its words, whatever script it is in."""
    for text in ("Ünïcödé ΣΊΣΥΦΟΣ", "ŒUVRE", "ສະບາຍດີ", "Ω Å ﬀ ①", "ǅ \u017ftop"):
        for word in words(text):
            assert spans(text, frozenset([word])), (text, word)


@given(st.text("abAB01 _.-'", max_size=60), st.sets(st.text("ab01", min_size=1, max_size=3), max_size=4))
def test_few_words_are_marked_as_many_are(text: str, wanted: set[str]):
    many = wanted | {f"zz{number}" for number in range(100)}
    assert spans(text, wanted) == spans(text, many)
