"""Where a text is cut before it is chunked, so that no text can make chunking slow.

semantic-text-splitter is linear on what people write, and far from it on other text: 16,000 blank lines keep it busy
for minutes, and a long word for seconds. Regions hold neither, and are short.
"""

import re
from bisect import bisect_left
from collections.abc import Iterator

from ingestion.outline import Outline

REGION_CHARACTERS = 32_768
"""The longest region. Most documents are shorter, and are one."""

_BLANK_RUN = re.compile(r"(?<!\s)\s{200,}")
_SOLID_RUN = re.compile(r"(?<!\S)\S{4000,}")
_SOLID_CHARACTERS = 4000
_NO_MARKDOWN = re.compile(r"^[ \t>]{64,}\S|(?<!\S)\S{1000}", re.MULTILINE)

Span = tuple[int, int]
"""[begin, end) in characters."""


def regions(text: str, outline: Outline) -> Iterator[Span]:
    """The text in order, without blank runs of 200 characters and more. All else is in exactly one region."""
    for begin, end in _between_blanks(text):
        for part_begin, part_end in _without_solid_runs(text, begin, end):
            yield from _short(text, part_begin, part_end, outline)


def is_prose(region: str) -> bool:
    """Whether it may be read as Markdown: that takes quadratic time on deep quotes and lists, and on long words."""
    return _NO_MARKDOWN.search(region) is None


def _between_blanks(text: str) -> Iterator[Span]:
    begin = 0
    for run in _BLANK_RUN.finditer(text):
        if run.start() > begin:
            yield begin, run.start()
        begin = run.end()
    if begin < len(text):
        yield begin, len(text)


def _without_solid_runs(text: str, begin: int, end: int) -> Iterator[Span]:
    """Cut what has no white space at all every 4,000 characters: such as encoded data, which has no meaning to keep."""
    for run in _SOLID_RUN.finditer(text, begin, end):
        for cut in range(run.start() + _SOLID_CHARACTERS, run.end(), _SOLID_CHARACTERS):
            yield begin, cut
            begin = cut
    yield begin, end


def _short(text: str, begin: int, end: int, outline: Outline) -> Iterator[Span]:
    while end - begin > REGION_CHARACTERS:
        cut = _cut(text, begin, begin + REGION_CHARACTERS, outline)
        yield begin, cut
        begin = cut
    yield begin, end


def _cut(text: str, begin: int, end: int, outline: Outline) -> int:
    """The best place in the second half: before the highest heading there, else behind a paragraph, line or word.

    The highest and not the last: it stays the same when something is inserted before it, and so do the chunks behind.
    """
    middle = begin + (end - begin) // 2
    first = bisect_left(outline.headings, middle, key=lambda heading: heading.begin)
    last = bisect_left(outline.headings, end, key=lambda heading: heading.begin)
    if first < last:
        return min(outline.headings[first:last], key=lambda heading: heading.level).begin
    for mark in ("\n\n", "\n", " "):
        cut = text.rfind(mark, middle, end)
        if cut >= 0:
            fence = outline.fence_around(cut + len(mark)) or (cut + len(mark), end)
            return fence[0] if fence[0] > middle else cut + len(mark)
    return end
