"""What a store is to hold, in a transaction of its tenant. The newest submission of a document counts, and to delete it
is to submit something, too.

Who deletes locks the store's row, and who registers shares it (`hold_store`): so neither misses what the other is about
to write.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from contracts.filters import Scalar
from infra.index.files import drop_content
from infra.index.filters import as_json
from infra.index.storable import storable
from infra.index.tables import DocumentState, IndexVersionRow, VectorStore
from infra.index.transaction import driver_of
from infra.index.version import VersionState, lock_versions, refused
from infra.index.version_tables import about

DELETIONS_KEPT_DAYS = 14
"""As long as a dead letter can be sent on its way again."""

_REGISTER = """
    INSERT INTO documents AS d (tenant_id, store_id, id, filename, attributes, sha256, file_id, submitted_at)
    SELECT %s, u.store_id, u.id, u.filename, u.attributes::jsonb, u.sha256, u.file_id, u.submitted_at
    FROM unnest(%b::text[], %b::text[], %b::text[], %b::text[], %b::bytea[], %b::text[], %b::timestamptz[])
        AS u (store_id, id, filename, attributes, sha256, file_id, submitted_at)
    WHERE NOT EXISTS (
        SELECT FROM deleted_documents g
        WHERE g.store_id = u.store_id AND g.id = u.id AND g.submitted_at > u.submitted_at
    )
    ON CONFLICT (tenant_id, store_id, id) DO UPDATE
        SET filename = CASE WHEN d.submitted_at = excluded.submitted_at THEN d.filename ELSE excluded.filename END,
            attributes = CASE WHEN d.submitted_at = excluded.submitted_at THEN d.attributes
                ELSE excluded.attributes END,
            sha256 = excluded.sha256, file_id = excluded.file_id, submitted_at = excluded.submitted_at,
            error_code = NULL, error_message = NULL
        WHERE d.submitted_at <= excluded.submitted_at
    RETURNING store_id, id
"""
_REMEMBER = """
    INSERT INTO deleted_documents AS g (tenant_id, store_id, id, submitted_at)
    SELECT %s, %s, * FROM unnest(%b::text[], %b::timestamptz[])
    ON CONFLICT (tenant_id, store_id, id) DO UPDATE SET submitted_at = greatest(g.submitted_at, excluded.submitted_at)
"""
_FORGET = "DELETE FROM deleted_documents WHERE store_id = %s AND submitted_at < now() - make_interval(days => %s)"
_DELETE = """
    DELETE FROM documents d USING unnest(%b::text[], %b::timestamptz[]) AS u (id, submitted_at)
    WHERE d.store_id = %s AND d.id = u.id AND d.submitted_at <= u.submitted_at
    RETURNING d.id, d.file_id
"""
_NEWER = "SELECT id FROM documents WHERE store_id = %s AND id = ANY(%s)"


@dataclass(frozen=True, slots=True)
class Submission:
    """A document as it was submitted. `sha256` is of its content, `file_id` names the file that has it; the newest
    submission of an id counts.
    """

    id: str
    filename: str
    attributes: Mapping[str, Scalar]
    sha256: bytes
    submitted_at: datetime
    file_id: str | None = None


@dataclass(frozen=True, slots=True)
class Deleted:
    """`documents` were there and are gone; of `newer` there is a newer submission, so they stay."""

    documents: frozenset[str]
    newer: frozenset[str]


async def register(
    connection: AsyncConnection, tenant: str, submissions: Sequence[tuple[str, Submission]]
) -> set[tuple[str, str]]:
    """Note what is to be indexed, by store and document, each once. Those that no newer submission precedes.

    Raises `PenstockError` (`invalid_request`) for an id or an attribute that can't be stored.
    """
    # In one order, so that two batches with the same documents don't wait for each other in a circle.
    rows = sorted((store, each.id, each) for store, each in submissions)
    columns = (
        [store for store, _, _ in rows],
        [require_storable(document_id) for _, document_id, _ in rows],
        [storable(each.filename) for _, _, each in rows],
        [as_json(dict(each.attributes)) for _, _, each in rows],
        [each.sha256 for _, _, each in rows],
        [each.file_id for _, _, each in rows],
        [each.submitted_at for _, _, each in rows],
    )
    cursor = await (await driver_of(connection)).execute(_REGISTER, (tenant, *columns))
    return {(store, document_id) for store, document_id in await cursor.fetchall()}


async def take_out(connection: AsyncConnection, tenant: str, store: str, documents: Mapping[str, datetime]) -> Deleted:
    """Delete documents, by id with when that was asked for, from a store and all its versions, past ones too; and the
    content that they were submitted with, unless it is a file that somebody uploaded.
    """
    states = await lock_versions(connection, store)
    await connection.execute(select(VectorStore.id).where(VectorStore.id == store).with_for_update())
    driver = await driver_of(connection)
    ids, times = list(documents), list(documents.values())
    await driver.execute(_FORGET, (store, DELETIONS_KEPT_DAYS))
    await driver.execute(_REMEMBER, (tenant, store, ids, times))
    gone = await (await driver.execute(_DELETE, (ids, times, store))).fetchall()
    left = await (await driver.execute(_NEWER, (store, ids))).fetchall()
    newer = frozenset(document_id for (document_id,) in left)
    await drop_content(connection, [file_id for _, file_id in gone if file_id])
    for version, state in states.items():
        if state != VersionState.DROPPED:
            await _take_out_of(connection, version, [document_id for document_id in ids if document_id not in newer])
    return Deleted(frozenset(document_id for document_id, _ in gone), newer)


async def _take_out_of(connection: AsyncConnection, version: int, document_ids: Sequence[str]) -> None:
    states = delete(DocumentState).where(DocumentState.version_id == version)
    await connection.execute(states.where(DocumentState.document_id.in_(document_ids)))
    await forget_chunks(connection, version, document_ids)


async def forget_chunks(connection: AsyncConnection, version: int, document_ids: Sequence[str]) -> None:
    """Delete the chunks of documents from a locked version, and correct its statistics. Postings stay until a merge."""
    driver = await driver_of(connection)
    query = about("DELETE FROM {chunks} WHERE document_id = ANY(%s) RETURNING length", version)
    lengths = [length for (length,) in await (await driver.execute(query, (list(document_ids),))).fetchall()]
    counted = {"chunks": IndexVersionRow.chunks - len(lengths)}
    counted["total_length"] = IndexVersionRow.total_length - sum(lengths)
    await connection.execute(update(IndexVersionRow).where(IndexVersionRow.id == version).values(**counted))


def require_storable(document_id: str) -> str:
    """The same id. Raises `PenstockError` (`invalid_request`) for one that PostgreSQL would keep as another."""
    if storable(document_id) != document_id:
        raise refused("a document's id has a character that can't be stored")
    return document_id
