"""Pages and slides as one text."""

from collections.abc import Iterable

from ingestion.parsing.decoding import clean

_BETWEEN = "\n\n"


def join_pages(pages: Iterable[str]) -> tuple[str, tuple[int, ...]]:
    """The text, a blank line between two pages, and the offset at which each begins. An empty page adds nothing."""
    parts: list[str] = []
    begins: list[int] = []
    length = 0
    for page in pages:
        body = clean(page).strip()
        if body and parts:
            length += len(_BETWEEN)
        begins.append(length)
        if body:
            parts.append(body)
            length += len(body)
    return _BETWEEN.join(parts), tuple(begins)
