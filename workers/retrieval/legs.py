"""One query in one version of an index: what its words find, and what its vector."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from contracts.filters import Filter
from contracts.retrieval import Mode
from infra.index.asked import Found
from infra.index.found import Hits
from infra.index.postings import Postings
from infra.index.search import VersionSearch
from infra.index.words import best_by_words
from ingestion.embedding import Vectors
from ingestion.ranking import NOTHING
from ingestion.text import term_frequencies
from workers.retrieval.ranking import CANDIDATES, Legs, text_leg, vector_leg

LONGEST_QUERY = 8192
"""In characters. What a query says beyond that is not searched for."""
_MANY_ENTRIES = 500_000
"""Entries of postings that take some milliseconds to score: from there on a thread does it."""
_FILTERED, _SOME_DELETED = 20, 2
"""How many times as many chunks are ranked by words at first, where some of them must not be shown."""


@dataclass(frozen=True, slots=True)
class Wish:
    """A query: its text, for BM25; its vector (dimension,), for comparing; the filter that chunks have to pass."""

    text: str
    vector: Vectors | None
    where: Filter | None = None

    @classmethod
    def of(cls, mode: Mode, text: str, vector: Vectors | None, where: Filter | None = None) -> "Wish":
        """What a search in that mode needs."""
        return cls("" if mode == "vector" else text[:LONGEST_QUERY], None if mode == "text" else vector, where)


async def search_legs(search: VersionSearch, wish: Wish) -> Legs:
    """Both legs. Words are scored while the database compares vectors. Raises `PenstockError`."""
    times = term_frequencies(wish.text)
    async with search.ask(wish.vector, list(times), CANDIDATES, wish.where) as asked:
        if not times:
            found = await asked.nearest()
            return Legs(vector_leg(found.hits, more=search.version.chunks > CANDIDATES))
        words = _Words(search, await asked.postings(), times, wish.where)
        first = await words.best(words.first_look)
        found = await asked.nearest()
    vector = vector_leg(found.hits, more=search.version.chunks > CANDIDATES) if len(found.hits.ids) else NOTHING
    return Legs(vector, text_leg(*await words.passing(first, found)))


@dataclass(frozen=True, slots=True)
class _Words:
    """The leg of BM25, whose postings know neither filters nor which chunks have been deleted since."""

    search: VersionSearch
    postings: Postings
    times: Mapping[str, int]
    where: Filter | None

    @property
    def first_look(self) -> int:
        """So many of the best chunks probably hold as many as are wanted, and one more: it tells that there are."""
        if self.where is not None:
            return _FILTERED * CANDIDATES
        deleted = self.search.version.posted != self.search.version.chunks
        return _SOME_DELETED * CANDIDATES if deleted else CANDIDATES + 1

    async def best(self, look: int) -> Hits:
        """The best so many."""
        if sum(len(entries) for entries in self.postings.terms.values()) < _MANY_ENTRIES:
            return best_by_words(self.postings, look, self.times)
        return await asyncio.to_thread(best_by_words, self.postings, look, self.times)

    async def passing(self, first: Hits, found: Found) -> tuple[Hits, NDArray[np.int32]]:
        """Enough hits, and which of them may be shown; where `first` holds too few, all are looked at."""
        passing = await self._those_passing(first, found)
        if len(passing) > CANDIDATES or len(first.ids) < self.first_look:
            return first, passing
        every = await self.best(max(self.postings.chunks, self.first_look))
        return every, await self._those_passing(every, found)

    async def _those_passing(self, hits: Hits, found: Found) -> NDArray[np.int32]:
        if found.passing is not None:
            return hits.ids[np.isin(hits.ids, found.passing)]
        return await self.search.first_passing(hits.ids, CANDIDATES + 1, self.where)
