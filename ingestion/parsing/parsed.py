"""What a parser makes of a file."""

from bisect import bisect_right
from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """How a file is parsed, and how its text is split."""

    TEXT = "text"
    MARKDOWN = "markdown"
    CODE = "code"
    HTML = "html"
    PDF = "pdf"
    DOCX = "docx"
    PPTX = "pptx"

    @property
    def is_markup(self) -> bool:
        """Whether the text of such a file is Markdown, with headings and fences."""
        return self in (Kind.MARKDOWN, Kind.HTML, Kind.DOCX, Kind.PPTX)

    @property
    def is_plain(self) -> bool:
        """Whether such a file only has to be decoded, which no stranger's file can make dangerous."""
        return self in (Kind.TEXT, Kind.MARKDOWN, Kind.CODE)


@dataclass(frozen=True, slots=True)
class Parsed:
    """A document's text. Offsets count characters (code points) of `text`.

    `pages` holds the offset at which each page of a PDF or slide of a PPTX begins, in order; the first page is page 1.
    `language` names the programming language of code, `title` is what the document calls itself, where it does.
    """

    text: str
    kind: Kind
    title: str | None = None
    pages: tuple[int, ...] = ()
    language: str | None = None

    def page_at(self, offset: int) -> int | None:
        """The number of the page that a character stands on; None where the document has no pages."""
        return max(1, bisect_right(self.pages, offset)) if self.pages else None
