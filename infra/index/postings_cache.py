"""Postings that searches have read lately. A row of postings never changes, so what is kept can't be out of date."""

from collections import OrderedDict
from collections.abc import Iterable, Mapping

from infra.index.postings import RowKey, TermPostings

_WORTHWHILE = 256
"""Entries of a term. Fewer come as fast from the database, and there are very many such terms."""


class PostingsCache:
    """The entries of frequent terms, at most `limit` bytes of them; the least lately used go first.

    It answers nothing: the database says, in each search's own transaction, which rows there are and that its tenant
    may see them, and is told which of them it need not send.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._held = 0
        self._terms: OrderedDict[tuple[int, str], Mapping[int, TermPostings]] = OrderedDict()

    def held(self, version: int, terms: Iterable[str]) -> dict[RowKey, TermPostings]:
        """The rows that need not be sent, with their entries."""
        found = {}
        for term in terms:
            if segments := self._terms.get((version, term)):
                self._terms.move_to_end((version, term))
                found.update({(term, segment): entries for segment, entries in segments.items()})
        return found

    def keep(self, version: int, rows: Mapping[RowKey, TermPostings]) -> None:
        """Keep what was read: all rows of each term that are there now, instead of those that were."""
        by_term: dict[str, dict[int, TermPostings]] = {}
        for (term, segment), entries in rows.items():
            by_term.setdefault(term, {})[segment] = entries
        for term, segments in by_term.items():
            self._forget((version, term))
            if sum(len(entries) for entries in segments.values()) >= _WORTHWHILE:
                self._terms[version, term] = segments
                self._held += _size(segments)
        while self._held > self._limit:
            self._forget(next(iter(self._terms)))

    def _forget(self, key: tuple[int, str]) -> None:
        self._held -= _size(self._terms.pop(key, {}))


def _size(segments: Mapping[int, TermPostings]) -> int:
    return sum(entries.nbytes for entries in segments.values())
