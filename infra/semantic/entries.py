"""Entries near a question, and new ones."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from infra.index.snapshot import snapshot
from infra.index.vectors import HalfVector, HalfVectorDumper, from_halfvec

_COLUMNS = 'id, coalesce(cluster, id), facts, cache_key, "right", wrong, 1 - (embedding <=> %s::halfvec)'
_ANSWER = "answer_sha256, answer_facts, halfvec_send(answer_embedding)"
_NEAREST, _NEAREST_WITH_ANSWERS = (
    (
        f"SELECT {columns} FROM semantic_entries WHERE tenant_id = %s AND scope = %s AND expires_at > now() "  # noqa: S608
        "ORDER BY embedding <=> %s::halfvec LIMIT %s"
    ).encode()
    for columns in (_COLUMNS, f"{_COLUMNS}, {_ANSWER}")
)
# A scope that many others stand around is not found within the graph's first look. One trip with the query.
_ON = b"SELECT set_config('hnsw.iterative_scan', 'relaxed_order', true)"
_ADD = text("""
INSERT INTO semantic_entries (tenant_id, request_id, scope, facts, embedding, cluster, cache_key, answer_sha256,
                              answer_facts, answer_embedding, expires_at)
VALUES (:tenant, :request_id, :scope, :facts, CAST(:embedding AS halfvec), :cluster, :cache_key, :sha256, :answer_facts,
        CAST(:answer AS halfvec), now() + :life * interval '1 second')
ON CONFLICT (tenant_id, request_id) DO NOTHING
""")
_JOIN = text(
    "UPDATE semantic_entries SET cluster = :cluster WHERE scope = :scope AND coalesce(cluster, id) = ANY(:old)"
)
_COUNT = text("""
UPDATE semantic_entries SET "right" = "right" + CAST(:is_right AS int), wrong = wrong + 1 - CAST(:is_right AS int)
WHERE id = :id
""")
_FORGET = text("DELETE FROM semantic_entries WHERE expires_at <= now()")
_OLDEST = text("""
DELETE FROM semantic_entries WHERE id IN (
  SELECT id FROM semantic_entries WHERE scope = :scope AND expires_at > now() ORDER BY expires_at DESC, id DESC
  OFFSET :most)
""")
_WITHOUT_ANSWER = 7
MOST = 20_000
"""Entries of one scope."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What is compared of an answer: its text's hash, its facts' hash, and its vector (256,)."""

    sha256: bytes
    facts: bytes
    vector: NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class FoundEntry:
    """An entry near a question; what is compared of its answer, where that was asked for."""

    id: int
    cluster: int
    facts: str
    cache_key: str
    right: int
    wrong: int
    similarity: float
    answer: Answer | None = None


@dataclass(frozen=True, slots=True)
class NewEntry:
    """A question that was answered by its model. `life` is in seconds."""

    request_id: str
    scope: bytes
    facts: str
    vector: NDArray[np.float32]
    cache_key: str
    answer: Answer
    life: float


async def nearest(
    engine: AsyncEngine, place: tuple[str, bytes], vector: NDArray[np.float32], limit: int, *, answers: bool = False
) -> list[FoundEntry]:
    """The live entries of a tenant and a scope of it nearest to a question, the nearest first.

    Raises `PenstockError` (`pipeline_unavailable`, retryable) where the database can't be reached.
    """
    tenant, scope = place
    async with snapshot(engine, tenant) as driver:
        driver.adapters.register_dumper(HalfVector, HalfVectorDumper)
        half, query = HalfVector(vector), _NEAREST_WITH_ANSWERS if answers else _NEAREST
        async with driver.pipeline():
            await driver.execute(_ON, prepare=True)
            cursor = await driver.execute(query, (half, tenant, scope, half, limit), prepare=True)
            rows = await cursor.fetchall()
    # The graph's order is a little loose.
    return sorted(map(_found, rows), key=lambda entry: -entry.similarity)


async def add(connection: AsyncConnection, tenant: str, new: NewEntry, cluster: int | None) -> None:
    """Keep an entry, once a request, and no more of its scope than `MOST`. In a transaction of its tenant."""
    values = {
        "tenant": tenant,
        "request_id": new.request_id,
        "scope": new.scope,
        "facts": new.facts,
        "embedding": _written(new.vector),
        "cluster": cluster,
        "cache_key": new.cache_key,
        "sha256": new.answer.sha256,
        "answer_facts": new.answer.facts,
        "answer": _written(new.answer.vector),
        "life": new.life,
    }
    await connection.execute(_ADD, values)


async def join(connection: AsyncConnection, scope: bytes, clusters: Sequence[int]) -> int | None:
    """Make one cluster of some with the same answer; which one it is then, None of none."""
    if len(clusters) > 1:
        await connection.execute(_JOIN, {"cluster": min(clusters), "scope": scope, "old": list(clusters)})
    return min(clusters, default=None)


async def count(connection: AsyncConnection, entry_id: int, *, right: bool) -> None:
    """What was found when an entry was proposed."""
    await connection.execute(_COUNT, {"id": entry_id, "is_right": right})


async def forget(connection: AsyncConnection, scope: bytes) -> None:
    """Delete the tenant's entries whose life is over, and the oldest of a scope that has more than `MOST`."""
    await connection.execute(_FORGET)
    await connection.execute(_OLDEST, {"scope": scope, "most": MOST})


def _found(row: Sequence[Any]) -> FoundEntry:
    found = FoundEntry(*row[:_WITHOUT_ANSWER])
    if len(row) == _WITHOUT_ANSWER:
        return found
    sha256, facts, answer = map(bytes, row[_WITHOUT_ANSWER:])
    return replace(found, answer=Answer(sha256, facts, from_halfvec([answer])[0]))


def _written(vector: NDArray[np.float32]) -> str:
    return "[" + ",".join(f"{value:.6g}" for value in vector.tolist()) + "]"
