"""Evaluation sets: queries, and the documents that somebody judged for each, kept beside the store they measure."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import delete, func, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncEngine

from contracts.errors import ErrorCode, PenstockError
from infra.index.flow_tables import EvaluationSetRow
from infra.index.transaction import STAGE, not_found, tenant_transaction
from infra.index.version import require_store

MOST_QUERIES, MOST_JUDGEMENTS = 10_000, 100_000
LONGEST_NAME, LONGEST_QUERY, HIGHEST_GRADE = 256, 8192, 1000

_QUERIES = text("(SELECT count(*) FROM jsonb_object_keys(queries))")
_JUDGEMENTS = text("(SELECT count(*) FROM jsonb_each(judgements) each, LATERAL jsonb_object_keys(each.value))")


@dataclass(frozen=True, slots=True)
class SetInfo:
    """What an evaluation set holds: counts."""

    name: str
    queries: int
    judgements: int
    created_at: datetime


@dataclass(frozen=True, slots=True)
class StoredSet:
    """Queries by their ids, and for each the documents that were judged: how relevant they are, from 0 up."""

    name: str
    queries: Mapping[str, str]
    judgements: Mapping[str, Mapping[str, int]]


class EvaluationSets:
    """The evaluation sets of all stores, each for its own tenant alone. Every method takes a store's id and raises
    `PenstockError`: `not_found`, or `pipeline_unavailable`, retryable, where the database can't be reached.
    """

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def put(self, tenant: str, store_id: str, wanted: StoredSet) -> SetInfo:
        """Keep a set, instead of the one that had its name.

        Raises `PenstockError` (`invalid_request`) for one that is too large, that judges what it doesn't ask, or whose
        grades are none.
        """
        check(wanted)
        judgements = {query: dict(grades) for query, grades in wanted.judgements.items()}
        row = {"name": wanted.name, "queries": dict(wanted.queries), "judgements": judgements}
        statement = insert(EvaluationSetRow).values(tenant_id=tenant, store_id=store_id, **row)
        new = {"queries": row["queries"], "judgements": judgements, "created_at": func.now()}
        statement = statement.on_conflict_do_update(index_elements=("tenant_id", "store_id", "name"), set_=new)
        async with tenant_transaction(self._engine, tenant) as connection:
            await require_store(connection, store_id)
            made = (await connection.execute(statement.returning(EvaluationSetRow.created_at))).scalar_one()
        return SetInfo(wanted.name, len(wanted.queries), sum(map(len, judgements.values())), made)

    async def list(self, tenant: str, store_id: str) -> list[SetInfo]:
        """The sets of a store, by name."""
        query = select(EvaluationSetRow.name, _QUERIES, _JUDGEMENTS, EvaluationSetRow.created_at)
        query = query.where(EvaluationSetRow.store_id == store_id).order_by(EvaluationSetRow.name)
        async with tenant_transaction(self._engine, tenant) as connection:
            return [SetInfo(*row) for row in await connection.execute(query)]

    async def find(self, tenant: str, store_id: str, name: str) -> StoredSet:
        """One of them, whole."""
        query = select(EvaluationSetRow.name, EvaluationSetRow.queries, EvaluationSetRow.judgements)
        async with tenant_transaction(self._engine, tenant) as connection:
            row = (await connection.execute(query.where(*_is(store_id, name)))).one_or_none()
        if row is None:
            raise _missing(name)
        return StoredSet(*row)

    async def delete(self, tenant: str, store_id: str, name: str) -> None:
        """It is found no more; what was measured with it stays with the versions."""
        gone = delete(EvaluationSetRow).where(*_is(store_id, name))
        async with tenant_transaction(self._engine, tenant) as connection:
            if (await connection.execute(gone)).rowcount == 0:
                raise _missing(name)


def check(wanted: StoredSet) -> None:
    """Raises `PenstockError` (`invalid_request`), which names the field."""
    judged = sum(map(len, wanted.judgements.values()))
    if not 1 <= len(wanted.name) <= LONGEST_NAME:
        raise _wrong(f"a name has 1 to {LONGEST_NAME} characters", "name")
    if not 1 <= len(wanted.queries) <= MOST_QUERIES:
        raise _wrong(f"a set has 1 to {MOST_QUERIES} queries, not {len(wanted.queries)}", "queries")
    if not 1 <= judged <= MOST_JUDGEMENTS:
        raise _wrong(f"a set has 1 to {MOST_JUDGEMENTS} judgements, not {judged}", "judgements")
    for name, query in wanted.queries.items():
        if not 1 <= len(query) <= LONGEST_QUERY:
            raise _wrong(f"the query {name[:100]!r} has no text, or more than {LONGEST_QUERY} characters", "queries")
    for name, grades in wanted.judgements.items():
        if name not in wanted.queries:
            raise _wrong(f"the query {name[:100]!r} is judged, but not asked", "judgements")
        if not all(0 <= grade <= HIGHEST_GRADE for grade in grades.values()):
            raise _wrong(f"a grade is a whole number from 0 to {HIGHEST_GRADE}", "judgements")


def _is(store_id: str, name: str) -> tuple[Any, ...]:
    return EvaluationSetRow.store_id == store_id, EvaluationSetRow.name == name


def _missing(name: str) -> PenstockError:
    return not_found(f"the evaluation set {name[:100]!r}")


def _wrong(message: str, param: str) -> PenstockError:
    return PenstockError(ErrorCode.INVALID_REQUEST, message, stage=STAGE, param=param)
