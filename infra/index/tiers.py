"""Which segments of a version are to become one. Pure."""

from collections.abc import Mapping

FAN_OUT = 8
_DEAD_SHARE = 0.2


def segments_to_merge(chunks: Mapping[int, int], live: int) -> tuple[int, ...]:
    """The segments to merge, of those given with the chunks that each was written with; none where all is well.

    Tiers by powers of `FAN_OUT`: a tier that has so many segments is merged, with all smaller ones. So a posting is
    written again once a tier, and a query reads at most about `FAN_OUT` rows a term and tier. Where more than a fifth
    of what the postings name is deleted (`live` chunks are left), everything is merged: dead chunks distort BM25.
    """
    posted = sum(chunks.values())
    if posted - live > _DEAD_SHARE * posted:
        return tuple(sorted(chunks))
    tiers: dict[int, list[int]] = {}
    for segment, size in chunks.items():
        tiers.setdefault(_tier(size), []).append(segment)
    full = [tier for tier, segments in tiers.items() if len(segments) >= FAN_OUT]
    if not full:
        return ()
    return tuple(sorted(segment for segment, size in chunks.items() if _tier(size) <= max(full)))


def _tier(chunks: int) -> int:
    tier = 0
    while chunks >= FAN_OUT:
        chunks //= FAN_OUT
        tier += 1
    return tier
