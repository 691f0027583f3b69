"""Where documents have to be: the versions of their stores, and what those hold of them already. In a transaction."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from infra.index.documents import DocumentStatus
from infra.index.tables import Document, IndexVersionRow, StoredFile
from infra.index.transaction import driver_of
from infra.index.version import COLUMNS, IndexVersion, VersionState, version_of

_STATES = """
    SELECT s.version_id, s.document_id, s.sha256, s.status
    FROM document_states s JOIN unnest(%b::bigint[], %b::text[]) AS u (version_id, document_id)
        ON s.version_id = u.version_id AND s.document_id = u.document_id
"""
_BEGIN_AGAIN = """
    UPDATE document_states s
    SET status = CASE WHEN s.sha256 = u.sha256 THEN 'completed' ELSE 'in_progress' END,
        error_code = NULL, error_message = NULL, updated_at = now()
    FROM unnest(%b::bigint[], %b::text[], %b::bytea[]) AS u (version_id, document_id, sha256)
    WHERE s.version_id = u.version_id AND s.document_id = u.document_id
"""
_ENDED_BADLY = (DocumentStatus.FAILED, DocumentStatus.CANCELLED)
_UNKNOWN = (None, "")

Key = tuple[str, str]
"""A store's id and a document's."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """The content that a store wants of a document: its hash, what tells its type, and the file that it is in."""

    sha256: bytes
    filename: str
    media_type: str | None
    file_id: str | None


@dataclass(frozen=True, slots=True)
class Places:
    """What is wanted of some documents, the versions of each store that are live or building, and what those say of the
    documents: the hash of the content that they hold, and a status.
    """

    wanted: Mapping[Key, Wanted]
    versions: Mapping[str, Sequence[IndexVersion]]
    states: Mapping[tuple[int, str], tuple[bytes | None, str]]

    def holds(self, version: IndexVersion, key: Key) -> bool:
        """Whether the content that is wanted of a document is in a version."""
        return self.states.get((version.id, key[1]), _UNKNOWN)[0] == self.wanted[key].sha256

    async def begin_again(self, connection: AsyncConnection, submitted: Sequence[tuple[IndexVersion, Key]]) -> None:
        """What ended badly before and is submitted again is in progress; done, where it was other content that did."""
        again = [
            (version.id, key[1], self.wanted[key].sha256)
            for version, key in submitted
            if self.states.get((version.id, key[1]), _UNKNOWN)[1] in _ENDED_BADLY
        ]
        if again:
            await (await driver_of(connection)).execute(_BEGIN_AGAIN, _columns(again))


async def look_up(connection: AsyncConnection, keys: Collection[Key]) -> dict[Key, Wanted]:
    """What is wanted of those documents that there are; without a file where that was deleted."""
    if not keys:
        return {}
    query = (
        select(Document.store_id, Document.id, Document.sha256, Document.filename, StoredFile.media_type, StoredFile.id)
        .join(StoredFile, StoredFile.id == Document.file_id, isouter=True)
        .where(Document.store_id.in_({store for store, _ in keys}), Document.id.in_({each for _, each in keys}))
    )
    found = {(row[0], row[1]): Wanted(*row[2:]) for row in await connection.execute(query)}
    return {key: found[key] for key in keys if key in found}


async def find_places(connection: AsyncConnection, wanted: Mapping[Key, Wanted]) -> Places:
    """Where those documents have to be."""
    if not wanted:
        return Places({}, {}, {})
    in_use = IndexVersionRow.state.in_((VersionState.LIVE, VersionState.BUILDING))
    query = select(*COLUMNS).where(IndexVersionRow.store_id.in_({store for store, _ in wanted}), in_use)
    versions: dict[str, list[IndexVersion]] = {}
    for row in await connection.execute(query.order_by(IndexVersionRow.id)):
        versions.setdefault(row.store_id, []).append(version_of(row))
    asked = [(version.id, each) for store, each in wanted for version in versions.get(store, ())]
    if not asked:
        return Places(wanted, {}, {})
    cursor = await (await driver_of(connection)).execute(_STATES, _columns(asked))
    states = {(version, each): (sha, status) for version, each, sha, status in await cursor.fetchall()}
    return Places(wanted, versions, states)


def _columns(rows: Sequence[tuple[object, ...]]) -> tuple[list[object], ...]:
    return tuple(list(column) for column in zip(*rows, strict=True))
