"""Which language a text is in, from its script or its commonest words: a guess, for rules, in some microseconds."""

import re
from collections.abc import Mapping

ENGLISH, UNKNOWN = "en", "und"
"""ISO 639-1, and ISO 639-2's code for what can't be told."""

_LOOKED_AT = 400
_SCRIPTS = (
    ("ja", "\u3040", "\u30ff"),
    ("ko", "\uac00", "\ud7af"),
    ("zh", "\u4e00", "\u9fff"),
    ("ru", "\u0400", "\u04ff"),
    ("ar", "\u0600", "\u06ff"),
    ("he", "\u0590", "\u05ff"),
    ("hi", "\u0900", "\u097f"),
    ("th", "\u0e00", "\u0e7f"),
    ("el", "\u0370", "\u03ff"),
)
"""A language that a script stands for, the first and the last letter of it. Japanese has Chinese letters too."""
_COMMON: Mapping[str, frozenset[str]] = {
    code: frozenset(words.split())
    for code, words in {
        ENGLISH: "the and is are of to in that what how you for with it this my can do does i",
        "de": "der die das und ist nicht ein eine ich wie was mit für auf zu den dem sich bitte mein",
        "fr": "le la les et est des une un je que qui dans pour pas vous ce il du sur comment mon",
        "es": "el los las y es una que en por para con cómo mi se lo qué del está puedo como",
        "it": "il gli e è una che di per non con come mi sono della questo cosa posso nel più",
        "pt": "o os as e é uma que em por para com não como meu se do da você está qual",
        "nl": "de het een en is niet ik van dat hoe wat voor met op zijn mijn kan te naar",
        "pl": "i w na się nie jest to że z do jak co mi czy po dla mój proszę",
        "sv": "och är det att en ett jag som på för inte med hur vad min av kan till den",
        "tr": "ve bir bu için ile ne da de çok ben var daha gibi benim olarak neden",
    }.items()
}
_WORD = re.compile(r"[^\W\d_]+")


def language_of(text: str) -> str:
    """The likeliest language of the text's beginning; `und` where nothing tells."""
    text = text[:_LOOKED_AT].lower()
    if not text.isascii():
        letters = sum(map(str.isalpha, text)) or 1
        for code, first, last in _SCRIPTS:
            # A tenth is enough: a Japanese text has mostly Chinese letters, and names stay in Latin ones.
            if sum(first <= letter <= last for letter in text) > letters / 10:
                return code
    words = _WORD.findall(text)
    scores = {code: sum(word in common for word in words) for code, common in _COMMON.items()}
    best = max(scores, key=lambda code: scores[code])
    return best if scores[best] else UNKNOWN
