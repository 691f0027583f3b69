"""The documents of a store: registered when submitted, changed, deleted; and how far each has come in a version.

A document's row says which content is wanted. What a late or repeated message says of other content changes nothing,
and what it brings for a document that has been deleted meanwhile is not written.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import func, literal, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncEngine

from contracts.filters import Scalar
from infra.index.filters import as_json
from infra.index.registration import Submission, register, take_out
from infra.index.storable import storable
from infra.index.tables import Document, DocumentState
from infra.index.transaction import driver_of, not_found, tenant_transaction
from infra.index.version import IndexVersion, hold_store, require_store

__all__ = ["Behind", "DocumentStatus", "Documents", "Submission"]


_FAIL = """
    INSERT INTO document_states AS s
        (version_id, document_id, tenant_id, status, error_code, error_message, updated_at)
    SELECT v.id, d.id, d.tenant_id, 'failed', %(code)s, %(message)s, now()
    FROM documents d JOIN index_versions v ON v.tenant_id = d.tenant_id AND v.store_id = d.store_id
    WHERE d.store_id = %(store)s AND d.id = %(document)s AND d.submitted_at <= %(at)s
        AND v.state IN ('live', 'building') AND coalesce(v.id = %(only)s::bigint, true)
        AND NOT EXISTS (
            SELECT FROM document_states h WHERE h.version_id = v.id AND h.document_id = d.id AND h.sha256 = d.sha256
        )
    FOR KEY SHARE OF d
    ON CONFLICT (version_id, document_id) DO UPDATE
        SET status = 'failed', error_code = %(code)s, error_message = %(message)s, updated_at = now()
    RETURNING s.version_id
"""
_FAIL_WITHOUT_VERSION = """
    UPDATE documents d SET error_code = %(code)s, error_message = %(message)s
    WHERE d.store_id = %(store)s AND d.id = %(document)s AND d.submitted_at <= %(at)s AND %(only)s::bigint IS NULL
        AND NOT EXISTS (SELECT FROM index_versions v WHERE v.store_id = d.store_id AND v.state = 'live')
"""


class DocumentStatus(StrEnum):
    """As in OpenAI's vector store files."""

    IN_PROGRESS = "in_progress"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class Behind:
    """A document whose wanted content a version does not hold, and what the version says of it, if anything."""

    document_id: str
    sha256: bytes
    status: str | None


class Documents:
    """The documents of all stores, each for its own tenant alone. Every method raises `PenstockError`: `not_found`,
    and `pipeline_unavailable` where the database can't be reached.
    """

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def register(self, tenant: str, store: str, submissions: Iterable[Submission]) -> set[str]:
        """Note what is to be indexed, and its name and attributes at once. The ids of those that no newer one precedes.

        Raises `PenstockError` (`invalid_request`) for an id or an attribute that can't be stored.
        """
        newest = {each.id: each for each in sorted(submissions, key=lambda each: each.submitted_at)}
        if not newest:
            return set()
        async with tenant_transaction(self._engine, tenant) as connection:
            await hold_store(connection, store)
            registered = await register(connection, tenant, [(store, each) for each in newest.values()])
            return {document_id for _, document_id in registered}

    async def set_attributes(self, tenant: str, store: str, document_id: str, attributes: Mapping[str, Scalar]) -> None:
        """Searches filter by these from now on, in every version; nothing is embedded again."""
        await self._change(tenant, store, document_id, {"attributes": _attributes(attributes)})

    async def rename(self, tenant: str, store: str, document_id: str, filename: str) -> None:
        """Searches show this name from now on, in every version; nothing is embedded again."""
        await self._change(tenant, store, document_id, {"filename": storable(filename)})

    async def delete(self, tenant: str, store: str, document_ids: Sequence[str], *, at: datetime | None = None) -> int:
        """Take documents out of the store and of all its versions, past ones too, with the content that they were
        submitted with. How many were there. What was submitted before `at`, which is now by default, comes too late.
        """
        asked_at = at or datetime.now(UTC)
        async with tenant_transaction(self._engine, tenant) as connection:
            await require_store(connection, store)
            gone = await take_out(connection, tenant, store, dict.fromkeys(document_ids, asked_at))
        return len(gone.documents)

    async def mark(  # noqa: PLR0913 - a state is its fields
        self,
        version: IndexVersion,
        document_id: str,
        sha256: bytes,
        status: DocumentStatus,
        *,
        message_id: str | None = None,
        error: tuple[str, str] | None = None,
    ) -> bool:
        """Note how far the content `sha256` of a document has come; `error` is a code and a sentence.

        False, and nothing is noted, for content that is no longer wanted or that is indexed already. The chunks of
        earlier content stay until `write_documents` replaces them.
        """
        code, message = error or (None, None)
        fields = {"status": status, "message_id": message_id, "error_code": code, "error_message": message}
        wanted = (
            select(literal(version.id), Document.id, Document.tenant_id, *map(literal, fields.values()), func.now())
            .where(Document.store_id == version.store_id, Document.id == document_id, Document.sha256 == sha256)
            .with_for_update(key_share=True, read=True)
        )
        names = ("version_id", "document_id", "tenant_id", *fields, "updated_at")
        statement = insert(DocumentState).from_select(names, wanted)
        news = (DocumentState.status != DocumentStatus.COMPLETED) | DocumentState.sha256.is_distinct_from(sha256)
        statement = statement.on_conflict_do_update(
            index_elements=("version_id", "document_id"),
            set_={name: statement.excluded[name] for name in (*fields, "updated_at")},
            where=news,
        )
        async with tenant_transaction(self._engine, version.tenant_id) as connection:
            return await connection.scalar(statement.returning(DocumentState.document_id)) is not None

    async def fail(  # noqa: PLR0913 - whose, which, and why
        self,
        tenant: str,
        store: str,
        document_id: str,
        error: tuple[str, str],
        *,
        at: datetime,
        only_version: int | None = None,
    ) -> list[int]:
        """Note that what is wanted of a document, as it was submitted at the latest `at`, can't be indexed: in
        `only_version`, or in all that are live or building, without those that hold it already; where none is live, in
        the document's own row. The ids of the versions.
        """
        asked = {"store": store, "document": document_id, "at": at, "only": only_version}
        said = {"code": error[0], "message": error[1]}
        async with tenant_transaction(self._engine, tenant) as connection:
            driver = await driver_of(connection)
            await driver.execute(_FAIL_WITHOUT_VERSION, {**asked, **said})
            cursor = await driver.execute(_FAIL, {**asked, **said})
            return [version for (version,) in await cursor.fetchall()]

    async def indexed(self, version: IndexVersion, document_ids: Sequence[str]) -> dict[str, bytes]:
        """The hashes of the content whose chunks a version holds, of those documents that it holds."""
        query = select(DocumentState.document_id, DocumentState.sha256).where(
            DocumentState.version_id == version.id,
            DocumentState.document_id.in_(document_ids),
            DocumentState.sha256.is_not(None),
        )
        async with tenant_transaction(self._engine, version.tenant_id) as connection:
            return {row.document_id: row.sha256 for row in await connection.execute(query)}

    async def behind(self, version: IndexVersion, *, after: str = "", limit: int = 1000) -> list[Behind]:
        """Documents whose wanted content is not in a version, by id: what a re-index has to do. Pages by `after`."""
        mine = (DocumentState.version_id == version.id) & (DocumentState.document_id == Document.id)
        query = (
            select(Document.id, Document.sha256, DocumentState.status)
            .join(DocumentState, mine, isouter=True)
            .where(Document.store_id == version.store_id, Document.id > after)
            .where(DocumentState.sha256.is_distinct_from(Document.sha256))
            .order_by(Document.id)
            .limit(limit)
        )
        async with tenant_transaction(self._engine, version.tenant_id) as connection:
            return [Behind(*row) for row in await connection.execute(query)]

    async def _change(self, tenant: str, store: str, document_id: str, values: dict[str, Any]) -> None:
        statement = update(Document).where(Document.store_id == store, Document.id == document_id).values(**values)
        async with tenant_transaction(self._engine, tenant) as connection:
            if (await connection.execute(statement)).rowcount == 0:
                raise not_found(f"the document {document_id!r}")


def _attributes(attributes: Mapping[str, Scalar]) -> dict[str, Scalar]:
    as_json(dict(attributes))
    return dict(attributes)
