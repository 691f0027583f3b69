"""Headings and code fences of a Markdown text, by one pass over its lines.

CommonMark (https://spec.commonmark.org/0.31.2) as far as chunks need it: ATX and setext headings, and fences, also
those within lists and quotes. What an HTML block holds is read like all else; comments and a front matter are not.
"""

import re
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

_FENCE = re.compile(r"(?:[ \t]*+(?:>|[-*+][ \t]|\d{1,9}[.)][ \t]))*+[ \t]*+(`{3,}|~{3,})(.*)")
_SETEXT = re.compile(r" {0,3}(=+|-{2,})[ \t]*")
_NO_PARAGRAPH = re.compile(r"[ \t]*(?:$|[-*+][ \t]|\d{1,9}[.)][ \t]|>|\||(?:[-*_=][ \t]*){3,}$)| {4}|\t")

LONGEST_HEADING = 200
"""In characters. What is longer is a paragraph that somebody marked as a heading, and is cut."""


@dataclass(frozen=True, slots=True)
class Heading:
    """`begin` is the offset of its line. `path` names the headings above it and itself: «A > B»."""

    begin: int
    level: int
    title: str
    path: str


@dataclass(frozen=True)
class Outline:
    """What is where; offsets in characters. A fence goes from the first to the last mark: [begin, end)."""

    headings: tuple[Heading, ...] = ()
    fences: tuple[tuple[int, int], ...] = ()

    def path_at(self, offset: int) -> str | None:
        """The path of the heading that a character stands under, or that it begins."""
        index = bisect_right(self._heading_begins, offset)
        return (self.headings[index - 1].path or None) if index else None

    def fence_around(self, offset: int) -> tuple[int, int] | None:
        """The fence that would be cut in two at this offset."""
        index = bisect_right(self._fence_begins, offset)
        if not index:
            return None
        begin, end = self.fences[index - 1]
        return (begin, end) if begin < offset < end else None

    @cached_property
    def _heading_begins(self) -> list[int]:
        return [heading.begin for heading in self.headings]

    @cached_property
    def _fence_begins(self) -> list[int]:
        return [begin for begin, _ in self.fences]


def outline_of(text: str) -> Outline:
    """Takes some 20 ms for a million characters."""
    reader = _Reader()
    for begin, line in _lines(text, _front_matter(text)):
        reader.read(begin, line)
    if reader.opened is not None:
        reader.fences.append((reader.opened[0], len(text.rstrip())))
    return Outline(tuple(_with_paths(reader.headings)), tuple(reader.fences))


def first_heading(text: str) -> str | None:
    """The title of a Markdown text: its first heading of the highest level that it has."""
    headings = outline_of(text).headings
    return min(headings, key=lambda heading: heading.level).title or None if headings else None


class _Reader:
    """Reads one line after the other. `paragraph` is the line before, if an underline would make a heading of it."""

    def __init__(self) -> None:
        self.headings: list[tuple[int, int, str]] = []
        self.fences: list[tuple[int, int]] = []
        self.opened: tuple[int, str] | None = None
        self._paragraph: tuple[int, str] | None = None
        self._in_comment = False

    def read(self, begin: int, line: str) -> None:
        if self.opened is not None:
            self._read_code(begin, line, *self.opened)
        elif self._in_comment or line.startswith("<!--"):
            self._in_comment = "-->" not in line
        else:
            self._read_text(begin, line)

    def _read_code(self, begin: int, line: str, first: int, marks: str) -> None:
        if _closes(line, marks):
            self.fences.append((first, begin + len(line.rstrip())))
            self.opened = None

    def _read_text(self, begin: int, line: str) -> None:
        before, self._paragraph = self._paragraph, None
        if (fence := _opening(line)) is not None:
            self.opened = (begin + fence.start(1), fence[1])
        elif (atx := _atx(line)) is not None:
            self.headings.append((begin, *atx))
        elif before is not None and (setext := _SETEXT.fullmatch(line)):
            self.headings.append((before[0], 1 if setext[1][0] == "=" else 2, before[1]))
        elif not _NO_PARAGRAPH.match(line):
            self._paragraph = (begin, line)


def _front_matter(text: str) -> int:
    """Where the text goes on behind its front matter; 0 where it has none."""
    return text.find("\n---\n", 3) + 5 if text.startswith("---\n") and "\n---\n" in text[3:] else 0


def _lines(text: str, begin: int) -> Iterator[tuple[int, str]]:
    """Each line's offset, and the line without its end. Only `\\n` ends one: other breaks are within a paragraph."""
    for line in text[begin:].split("\n"):
        yield begin, line
        begin += len(line) + 1


def _atx(line: str) -> tuple[int, str] | None:
    """Level and title. By hand: a pattern with an optional closing sequence takes quadratic time on a long blank."""
    if "#" not in line:
        return None
    bare = line.lstrip(" ")
    rest = bare.lstrip("#")
    level = len(bare) - len(rest)
    if len(line) - len(bare) > 3 or not 1 <= level <= 6 or rest[:1] not in ("", " ", "\t"):
        return None
    title = rest.strip(" \t")
    closed = title.rstrip("#")
    return level, closed if closed[-1:] in ("", " ", "\t") else title


def _opening(line: str) -> re.Match[str] | None:
    if "```" not in line and "~~~" not in line:
        return None
    found = _FENCE.match(line)
    return None if found is None or (found[1][0] == "`" and "`" in found[2]) else found


def _closes(line: str, fence: str) -> bool:
    bare = line.strip(" \t>")
    return len(bare) >= len(fence) and not bare.strip(fence[0])


def _with_paths(found: list[tuple[int, int, str]]) -> Iterator[Heading]:
    above: list[tuple[int, str]] = []
    for begin, level, raw in found:
        title = raw.strip()[:LONGEST_HEADING]
        above = [(other, name) for other, name in above if other < level]
        if title:
            above.append((level, title))
        yield Heading(begin, level, title, " > ".join(name for _, name in above))
