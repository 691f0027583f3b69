"""From the chunks of an index to the hits of an answer. Pure."""

from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet

from contracts.retrieval import Hit
from infra.index.found import FoundChunk
from ingestion.text import spans, words


def words_of(queries: Iterable[str]) -> frozenset[str]:
    """What is highlighted."""
    return frozenset(word for query in queries for word in words(query))


def hits_of(chunks: Sequence[FoundChunk], scores: Sequence[float], wanted: AbstractSet[str]) -> tuple[Hit, ...]:
    """Chunks with their scores, and the places of the wanted words marked."""
    return tuple(
        Hit(
            document_id=chunk.document_id,
            filename=chunk.filename,
            attributes=dict(chunk.attributes),
            score=score,
            text=chunk.text,
            start=chunk.start,
            end=chunk.end,
            ordinal=chunk.ordinal,
            heading=chunk.heading,
            page=chunk.page,
            highlights=tuple(spans(chunk.text, wanted)),
        )
        for chunk, score in zip(chunks, scores, strict=True)
    )
