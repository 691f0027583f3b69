"""The gate: may the next version answer instead of the live one?"""

from collections.abc import Sequence
from typing import Any

from contracts.retrieval import EvaluationAnswered, Measured, Mode, ReadBack
from infra.index.reindexing import Lacking

READ_BACK = 50
"""Chunks that are searched for by their own text."""
_FOUND_AT_LEAST = 0.9
"""Of those. An index whose vectors are what they should be finds nearly all: HNSW here has a recall of .97 and more."""
MODE: Mode = "hybrid"
"""What a search does that asks for nothing else."""


def too_few(lacking: Lacking) -> str | None:
    """Why not, by the counts; None where the next version holds all that the live one does."""
    if lacking.count == 0:
        return None
    documents = "one document" if lacking.count == 1 else f"{lacking.count} documents"
    reason = f": {lacking.reason}" if lacking.reason else ""
    return f"the live index has {documents} that could not be indexed anew, «{lacking.document_id}» for one{reason}"


def not_read_back(read_back: Sequence[ReadBack], version: int, chunks: int) -> str | None:
    """Why not, by the sample: a version of `chunks` chunks has to find its own text."""
    found = next((each for each in read_back if each.version == version), None)
    if chunks == 0 or (found is not None and found.sampled and found.found >= _FOUND_AT_LEAST * found.sampled):
        return None
    if found is None or found.sampled == 0:
        return "no sample of the new index could be read back"
    return f"of {found.sampled} chunks of the new index only {found.found} were found by their own text"


def worse(measured: Sequence[Measured], version: int, live: int | None, loss: float) -> str | None:
    """Why not, by the evaluation sets: nDCG@10 may be lower by `loss`, on each of them, and no more."""
    by_set = {each.evaluation_set: each.ndcg for each in measured if each.version == live and each.mode == MODE}
    for each in measured:
        before = by_set.get(each.evaluation_set)
        if each.version != version or each.mode != MODE or before is None:
            continue
        if each.ndcg < before - loss - 1e-9:
            return (
                f"nDCG@10 on «{each.evaluation_set}» would fall from {before:.3f} to {each.ndcg:.3f}, "
                f"by more than {loss:g}"
            )
    return None


def verdict(answer: EvaluationAnswered, version: int, live: int | None, *, chunks: int, loss: float) -> str | None:
    """Why the version must not answer, in a sentence; None where it may."""
    return not_read_back(answer.read_back, version, chunks) or worse(answer.measured, version, live, loss)


def quality_of(answer: EvaluationAnswered) -> dict[str, Any]:
    """What was measured, as it is kept beside the version and told."""
    return {
        "measured": [each.model_dump() for each in answer.measured],
        "read_back": [each.model_dump() for each in answer.read_back],
    }
