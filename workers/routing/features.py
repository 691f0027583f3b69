"""What can be told of a text at a glance: its length, and whether it looks like code or like a sum to work out."""

import math
import re
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from workers.routing.vocabulary import CODE_MARKS, CODE_STARTS, KINDS, MATHS_MARKS, OPENERS, Kind

Values = NDArray[np.float32]

LONGEST = 2_000
"""Characters of a text that are looked at: of a longer one the beginning and the end, where the question stands."""

# All of these are linear in the text's length, whatever it holds: a prompt is what its sender likes.
_TOKEN = re.compile(r"\w+(?:'\w+)?")
_SENTENCE_END = re.compile(r"[.!?](?=\s|$)")
_CODE_LINE = re.compile(r"(?:[\w.\[\]]{1,40} ?[-+*/]?= ?\S|</?\w|[$>] \w|at [\w.$]{1,80}\()")
_SIGNATURE = re.compile(
    r"(?:async )?(?:def|fn|func|function) \w{1,60}\W"
    r"|(?:public|private|protected|static) [\w<>\[\], ]{1,80}\("
    r"|(?:class|struct|interface) \w{1,60} ?[({:]"
    r"|(?:[\w*<>]{1,40} ){1,3}\**\w{1,60}\([^)\n]{0,200}\) ?\{"
)
_BRACKETS = "{}()[];=<>_*&|\\`#"


class Features(NamedTuple):
    """Counts in a text, most of them as log(1 + n) so that the tenth of a kind says less than the first.

    All are between 0 and about 1. The order is that of the classifier's weights.
    """

    characters: float
    words: float
    sentences: float
    lines: float
    indented: float
    fenced: float
    code: float
    signature: float
    identifiers: float
    brackets: float
    terms: float
    numbers: float
    number_words: float
    numbered_sentences: float
    quantities: float
    asked_quantity: float
    maths: float
    logic: float
    writing: float
    ours: float
    mine: float
    opener: float
    question: float
    other_script: float
    short: float


def cut(text: str) -> str:
    """The part of a text that is looked at."""
    half = LONGEST // 2
    return text if len(text) <= LONGEST else f"{text[:half]}\n{text[1 - half :]}"


def features_of(text: str) -> Features:
    """What can be told of a text, which is `cut`: 30 µs for a sentence, 200 µs for the longest."""
    lines = [line for line in text.splitlines() if line and not line.isspace()]
    bare = [line.lstrip() for line in lines]
    words = _TOKEN.findall(text)
    kinds = _kinds(words)
    sentences = [part for part in _SENTENCE_END.split(text) if part and not part.isspace()]
    question = text.rstrip().endswith("?")
    return Features(
        characters=math.log1p(len(text)) / 8,
        words=math.log1p(len(words)) / 6,
        sentences=math.log1p(len(sentences)) / 3,
        lines=math.log1p(max(len(lines) - 1, 0)) / 3,
        indented=_log(sum(line[0] in " \t" for line in lines)),
        fenced=1.0 if "```" in text else 0.0,
        code=_log(sum(map(text.count, CODE_MARKS)) + sum(map(_is_code, bare))),
        signature=1.0 if any(map(_SIGNATURE.match, bare)) else 0.0,
        identifiers=_log(kinds[Kind.IDENTIFIER]),
        brackets=min(1.0, 10 * sum(map(text.count, _BRACKETS)) / (len(text) + 20)),
        terms=_log(kinds[Kind.TERM]),
        numbers=_log(kinds[Kind.NUMBER]),
        number_words=_log(kinds[Kind.NUMBER_WORD]),
        numbered_sentences=_log(sum(map(_has_digit, sentences))),
        quantities=_log(kinds[Kind.QUANTITY]),
        asked_quantity=1.0 if question and _asks_quantity(sentences) else 0.0,
        maths=_log(kinds[Kind.MATHS] + sum(map(text.count, MATHS_MARKS))),
        logic=_log(kinds[Kind.LOGIC]),
        writing=_log(kinds[Kind.WRITING]),
        ours=_log(kinds[Kind.OURS]),
        mine=_log(kinds[Kind.MINE]),
        opener=1.0 if words and words[0].lower() in OPENERS else 0.0,
        question=1.0 if question else 0.0,
        other_script=0.0 if text.isascii() else sum(character > "\u024f" for character in text) / (len(text) + 1),
        short=1.0 / (1.0 + len(words) / 8),
    )


def row(vector: Values, features: Features) -> Values:
    """A classifier's input: the text's vector of length 1, its features, and a one for the bias."""
    return np.concatenate((vector * VECTOR_SCALE, np.asarray((*features, 1.0), np.float32)))


INPUTS = 256 + len(Features._fields) + 1
"""Numbers of such a row, by the built-in model's vector."""
VECTOR_SCALE = np.float32(4.0)
"""So that a weight of a vector's number, which is 1/16 on average, costs as much as one of a feature's."""


def _kinds(words: list[str]) -> list[int]:
    """How many words there are of each kind."""
    counts = [0] * len(Kind)
    for word in words:
        if word[0].isdigit():
            counts[Kind.NUMBER] += 1
            continue
        lowered = word.lower()
        kind = KINDS.get(lowered)
        if kind is not None:
            counts[kind] += 1
        elif "_" in word or (word != lowered and word[1:] != lowered[1:] and not word.isupper()):
            counts[Kind.IDENTIFIER] += 1
    return counts


def _is_code(line: str) -> bool:
    return line.startswith(CODE_STARTS) or _CODE_LINE.match(line) is not None


def _has_digit(text: str) -> bool:
    return any(map(str.isdigit, text))


def _asks_quantity(sentences: list[str]) -> bool:
    return bool(sentences) and any(KINDS.get(word.lower()) is Kind.QUANTITY for word in _TOKEN.findall(sentences[-1]))


def _log(count: int) -> float:
    return math.log1p(count) / 3
