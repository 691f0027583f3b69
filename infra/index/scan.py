"""How the chunks of a version are to be searched: one by one, or along the HNSW graph. Pure."""

from dataclasses import dataclass
from math import ceil

EXACT_BELOW = 5_000
"""So many chunks or fewer are compared one by one: 1.6 ms (10,000: 3.4; the graph of 20,000: 0.8), nothing missed."""
SAMPLE = 500
"""Chunks that are looked at to guess how many pass a filter."""
EFFORTS = (100, 125, 160, 200, 250, 320, 400, 500, 640, 800, 1000)
"""Values of `hnsw.ef_search` to choose from: fewer than the usual candidates of a hybrid search take no less time, and
pgvector takes no more than the last. A step costs a fifth to a quarter more time.
"""

_BALANCE = 20
"""What a unit of effort costs, in chunks compared one by one: 20 µs, and 1 µs (100,000 x 256, measured)."""
_LEAST = 100
"""Along the graph, a filter is searched as for so many hits at least: for 10, a share of .1 lost 5 % of them."""


@dataclass(frozen=True, slots=True)
class Scan:
    """`effort` is `hnsw.ef_search`, or None where every chunk that passes the filter is compared."""

    effort: int | None

    @property
    def exact(self) -> bool:
        """Whether nothing can be missed."""
        return self.effort is None


EXACT = Scan(None)


def is_large(chunks: int) -> bool:
    """Whether so many chunks are worth a graph."""
    return chunks > EXACT_BELOW


def along_graph(chunks: int, effort: int | None) -> bool:
    """Whether a version of so many chunks is searched along its graph; `effort` is None where it has none."""
    return effort is not None and is_large(chunks)


def plan(chunks: int, limit: int, effort: int | None, share: float = 1.0) -> Scan:
    """How to find the nearest `limit` of `chunks`, a `share` of which pass the filter. `effort` is what the graph needs
    without a filter, None where there is no graph.

    Along the graph, `limit / share` chunks are met before enough pass; exactly, `share * chunks` are compared. The
    cheaper way is taken. So a filter that few pass never ruins recall: few are compared one by one.
    """
    if effort is None or not along_graph(chunks, effort):
        return EXACT
    if share == 1:
        return Scan(effort)
    wanted = max(limit, _LEAST)
    if share * share * chunks <= _BALANCE * wanted:
        return EXACT
    return Scan(min(EFFORTS[-1], max(effort, ceil(wanted / share))))
