"""Texts in batches that a model takes at once."""

from collections.abc import Callable, Iterator, Sequence


def estimated_tokens(text: str) -> int:
    """Half of its UTF-8 bytes. cl100k counts half of that in English and code, as much in Chinese (1.5 a character)."""
    return -(-len(text.encode("utf-8", "replace")) // 2)


def batches(
    texts: Sequence[str], most_texts: int, most_tokens: int, measure: Callable[[str], int] = estimated_tokens
) -> Iterator[slice]:
    """Consecutive parts of the texts, in order. A text that is over the limit by itself is a part of its own."""
    begin = tokens = 0
    for index, text in enumerate(texts):
        size = measure(text)
        if index > begin and (index - begin == most_texts or tokens + size > most_tokens):
            yield slice(begin, index)
            begin, tokens = index, 0
        tokens += size
    if texts:
        yield slice(begin, len(texts))
