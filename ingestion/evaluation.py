"""How good a ranking is, by ir-measures."""

from collections.abc import Mapping
from dataclasses import dataclass

Run = Mapping[str, Mapping[str, float]]
"""For each query the documents that were found, with their scores."""
Judgements = Mapping[str, Mapping[str, int]]
"""For each query the documents that were judged: how relevant they are, from 0 up."""


@dataclass(frozen=True, slots=True)
class Quality:
    """nDCG@10, recall@10 and reciprocal rank@10, each the mean over the judged queries, from 0 to 1."""

    ndcg: float
    recall: float
    reciprocal_rank: float
    queries: int


def evaluate(run: Run, judgements: Judgements) -> Quality:
    """A judged query that found nothing counts as 0; one that is not judged doesn't count."""
    from ir_measures import RR, R, calc_aggregate, nDCG  # a process that only searches pays nothing for it

    judged = {query: dict(documents) for query, documents in judgements.items() if documents}
    if not judged:
        return Quality(0.0, 0.0, 0.0, 0)
    found = {query: dict(run[query]) for query in judged if run.get(query)}
    values = calc_aggregate([nDCG @ 10, R @ 10, RR @ 10], judged, found)
    return Quality(values[nDCG @ 10], values[R @ 10], values[RR @ 10], len(judged))


def by_document(scores: Mapping[str, float], documents: Mapping[str, str]) -> dict[str, float]:
    """From the scores of chunks to those of their documents: a document is as good as its best chunk."""
    best: dict[str, float] = {}
    for chunk, score in scores.items():
        document = documents[chunk]
        best[document] = max(score, best.get(document, score))
    return best
