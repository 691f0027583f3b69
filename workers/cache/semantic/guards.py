"""What two questions must have in common whatever their similarity: facts that vectors of meaning hardly see.

Numbers with their units, money, dates, names, quoted strings, negations and opposites, in the order in which they
stand: from Paris to London is not from London to Paris. It errs towards a miss: "Apple Pay" and "apple pay" differ.
"""

import hashlib
import re
import unicodedata
from collections.abc import Iterator

from workers.cache.semantic.words import (
    CONTRACTIONS,
    FUNCTION_WORDS,
    MONEY,
    NEGATIONS,
    NUMBERS,
    OPPOSITES,
    PLACES,
    TIMES,
    UNITS,
    USUAL_STARTS,
)

_PLAIN_QUOTES = str.maketrans({0x2018: "'", 0x2019: "'", 0x201A: "'", 0x201C: '"', 0x201D: '"', 0x201E: '"'})
_QUOTED = re.compile(r"```.*?(?:```|\Z)|`[^`]+`|\"[^\"]+\"|«[^»]+»|(?<!\w)'[^']+'(?!\w)", re.DOTALL)
_WORD = re.compile(r"[^\s]+")
_EDGES = ".,;:!?()[]{}…\"'«»*"
_SYMBOLS = re.compile(r"[_/\\=<>@#{}()|^~&+]|\w\.\w|::|->")
_MONEY_SIGN = re.compile(r"[$€£¥₹₽₩¢%°‰]")
_ENDS = re.compile(r"[.!?:]$")
_NEGATED = re.compile(r"n't$")


def facts_of(text: str) -> str:
    """The facts of a question, canonical: equal where equal; and what its words are and in which order, as two hashes.

    What `agree` compares. It holds names and numbers of the text, not the text.
    """
    plain = unicodedata.normalize("NFKC", text).translate(_PLAIN_QUOTES)
    quoted = [" ".join(found.group().split()) for found in _QUOTED.finditer(plain)]
    words = list(_words(_QUOTED.sub(" ", plain)))
    facts = [fact for word, first in words if (fact := _fact(word, first=first))]
    content = [bare for word, _ in words if (bare := word.lower()) not in FUNCTION_WORDS]
    negations = sum(_negates(word.lower()) for word, _ in words)
    said = "\x1f".join([f"not*{negations}", *facts, *(f"'{quote}'" for quote in quoted)])
    return "\x1e".join([said, _hash(sorted(content)), _hash(content)])


def agree(one: str, other: str) -> bool:
    """Whether two questions, by their `facts_of`, may have one answer. The same words in another order may not."""
    said, words, order = one.split("\x1e")
    other_said, other_words, other_order = other.split("\x1e")
    return said == other_said and (words != other_words or order == other_order)


def _words(text: str) -> Iterator[tuple[str, bool]]:
    """Each word without the marks around it, and whether it begins a sentence."""
    first = True
    for found in _WORD.finditer(text):
        word = found.group().strip(_EDGES)
        if word:
            yield word, first
            first = bool(_ENDS.search(found.group().rstrip("\"'»)")))


def _fact(word: str, *, first: bool) -> str | None:
    """The canonical form of a word that is a fact in itself, or None."""
    lower = re.sub(r"'s$", "", word).lower()
    if any(character.isnumeric() for character in lower) or _MONEY_SIGN.search(lower):
        # 1,000 and 1000; but not 1,5, which is 1.5 elsewhere.
        return re.sub(r"(?<=\d)[,'](?=\d{3}\b)", "", lower)
    if lower in NUMBERS:
        return NUMBERS[lower]
    if _SYMBOLS.search(word):
        return word
    if lower in OPPOSITES or lower in TIMES or lower in UNITS or lower in MONEY or lower in PLACES:
        return lower
    return lower if _is_name(word, first=first) else None


def _is_name(word: str, *, first: bool) -> bool:
    """In capitals where a sentence doesn't ask for it. A sentence's first word is one where few begin with it."""
    bare = re.sub(r"'(?:s|m|d|ll|ve|re|t)$", "", word)
    if bare.lower() in USUAL_STARTS or word.lower() in USUAL_STARTS:
        return False
    if any(character.isupper() for character in bare[1:]):
        return True
    return bare[:1].isupper() and not first


def _negates(word: str) -> bool:
    return word in NEGATIONS or word in CONTRACTIONS or bool(_NEGATED.search(word))


def _hash(words: list[str]) -> str:
    return hashlib.sha256(" ".join(words).encode()).hexdigest()[:16]
