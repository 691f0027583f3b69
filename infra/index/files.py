"""Files: what was uploaded, and what documents were submitted with."""

import asyncio
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, delete, exists, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from contracts.errors import PenstockError
from infra.index.paging import Keys, Paging, read_page
from infra.index.storable import storable
from infra.index.tables import Document, StoredFile
from infra.index.transaction import driver_of, not_found, tenant_transaction

DOCUMENT = "document"
"""The purpose of a file that nobody uploaded: a document was submitted with its content."""

_COLUMNS = (
    StoredFile.id,
    StoredFile.filename,
    StoredFile.purpose,
    StoredFile.size.label("size"),
    StoredFile.media_type,
    StoredFile.sha256,
    StoredFile.created_at,
)
_KEYS = Keys(StoredFile.created_at, StoredFile.id)
# As arrays in binary: content goes over the wire once and unescaped, however many files there are.
_KEEP = """
    INSERT INTO file_contents (tenant_id, file_id, content)
    SELECT %s, * FROM unnest(%b::text[], %b::bytea[])
    ON CONFLICT (tenant_id, file_id) DO UPDATE SET content = excluded.content
"""
# A row without its content never is: both are written by one transaction.
_KEEP_OF_DOCUMENTS = """
    INSERT INTO files AS f (tenant_id, id, filename, purpose, bytes, media_type, sha256)
    SELECT %s, u.id, u.filename, 'document', u.bytes, u.media_type, u.sha256
    FROM unnest(%b::text[], %b::text[], %b::bigint[], %b::text[], %b::bytea[])
        AS u (id, filename, bytes, media_type, sha256)
    ON CONFLICT (tenant_id, id) DO UPDATE
        SET filename = excluded.filename, bytes = excluded.bytes, media_type = excluded.media_type,
            sha256 = excluded.sha256
        WHERE (f.filename, f.media_type, f.sha256) IS DISTINCT FROM
              (excluded.filename, excluded.media_type, excluded.sha256)
    RETURNING id
"""
_READ = """
    SELECT f.id, f.filename, f.media_type, c.content
    FROM files f JOIN file_contents c ON c.tenant_id = f.tenant_id AND c.file_id = f.id WHERE f.id = ANY(%s)
"""


_READ_SMALL = """
    SELECT f.id, f.filename, f.media_type, c.content
    FROM files f LEFT JOIN file_contents c ON c.tenant_id = f.tenant_id AND c.file_id = f.id AND f.bytes <= %s
    WHERE f.id = ANY(%s)
"""


@dataclass(frozen=True, slots=True)
class FileInfo:
    """A file without its bytes; `size` is how many those are."""

    id: str
    filename: str
    purpose: str
    size: int
    media_type: str | None
    sha256: bytes
    created_at: datetime


@dataclass(frozen=True, slots=True)
class NewFile:
    """A file that is to be stored."""

    id: str
    filename: str
    purpose: str
    media_type: str | None
    content: bytes


@dataclass(frozen=True, slots=True)
class FileContents:
    """The bytes of a file, and what tells their type."""

    filename: str
    media_type: str | None
    content: bytes


class Files:
    """The files of all tenants, each for its own alone. Every method raises `PenstockError`: `not_found` for what isn't
    there or is another tenant's, `pipeline_unavailable` where the database can't be reached.
    """

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def put(self, tenant: str, files: Sequence[NewFile]) -> list[FileInfo]:
        """Store files in one transaction; an id that is there already gets the new content. Of two of one id, the last.

        Raises `PenstockError` (`invalid_request`) for an id that can't be stored.
        """
        newest = {each.id: each for each in files}
        if not newest:
            return []
        hashes = await asyncio.to_thread(_hashes, list(newest.values()))
        rows = [{"tenant_id": tenant, **_row(each), "sha256": hashes[each.id]} for each in newest.values()]
        statement = insert(StoredFile)
        new = {name: statement.excluded[name] for name in ("filename", "purpose", "bytes", "media_type", "sha256")}
        statement = statement.on_conflict_do_update(index_elements=("tenant_id", "id"), set_=new)
        async with tenant_transaction(self._engine, tenant) as connection:
            stored = [_info(row) for row in await connection.execute(statement.returning(*_COLUMNS), rows)]
            contents = [each.content for each in newest.values()]
            await (await driver_of(connection)).execute(_KEEP, (tenant, list(newest), contents))
        by_id = {each.id: each for each in stored}
        return [by_id[file_id] for file_id in newest]

    async def find(self, tenant: str, file_id: str) -> FileInfo:
        """One of them."""
        async with tenant_transaction(self._engine, tenant) as connection:
            return await _find(connection, file_id)

    async def find_all(self, tenant: str, file_ids: Sequence[str]) -> dict[str, FileInfo]:
        """Those that are there, by id."""
        query = select(*_COLUMNS).where(StoredFile.id.in_(file_ids))
        async with tenant_transaction(self._engine, tenant) as connection:
            return {row.id: _info(row) for row in await connection.execute(query)}

    async def contents(self, tenant: str, file_ids: Sequence[str]) -> dict[str, FileContents]:
        """The content of those that are there, by id."""
        async with tenant_transaction(self._engine, tenant) as connection:
            cursor = await (await driver_of(connection)).execute(_READ, (list(file_ids),), binary=True)
            return {file_id: FileContents(*rest) for file_id, *rest in await cursor.fetchall()}

    async def small_contents(
        self, tenant: str, file_ids: Sequence[str], most_bytes: int
    ) -> dict[str, FileContents | None]:
        """The same, and None for each that has more than `most_bytes`."""
        async with tenant_transaction(self._engine, tenant) as connection:
            cursor = await (await driver_of(connection)).execute(_READ_SMALL, (most_bytes, list(file_ids)), binary=True)
            rows = await cursor.fetchall()
        return {row[0]: None if row[3] is None else FileContents(*row[1:]) for row in rows}

    async def list(self, tenant: str, paging: Paging, purpose: str | None = None) -> tuple[list[FileInfo], bool]:
        """A page of them, and whether there are more: those of a purpose, or all but the content of documents.

        Raises `PenstockError` (`invalid_request`) for a cursor that is none.
        """
        wanted = StoredFile.purpose == purpose if purpose is not None else StoredFile.purpose != DOCUMENT
        async with tenant_transaction(self._engine, tenant) as connection:
            rows, more = await read_page(connection, select(*_COLUMNS).where(wanted), _KEYS, paging)
            return [_info(row) for row in rows], more

    async def delete(self, tenant: str, file_id: str) -> None:
        """Delete one and its content."""
        async with tenant_transaction(self._engine, tenant) as connection:
            gone = delete(StoredFile).where(StoredFile.id == file_id)
            if (await connection.execute(gone)).rowcount == 0:
                raise _no_file(file_id)


def document_file_id(tenant: str, store_id: str, document_id: str) -> str:
    """The id of the file that has the content of a document which was submitted with it."""
    digest = hashlib.sha256("\0".join((tenant, store_id, document_id)).encode("utf-8", "surrogatepass"))
    return f"file-{digest.hexdigest()[:24]}"


async def keep_content(connection: AsyncConnection, tenant: str, files: Sequence[NewFile]) -> None:
    """Store the content of documents, each id once, in a tenant's transaction. What is there already is not sent."""
    by_id = {each.id: each for each in sorted(files, key=lambda each: each.id)}
    rows = [_row(each) for each in by_id.values()]
    columns = [[row[name] for row in rows] for name in ("id", "filename", "bytes", "media_type")]
    hashes = [hashlib.sha256(each.content).digest() for each in by_id.values()]
    driver = await driver_of(connection)
    cursor = await driver.execute(_KEEP_OF_DOCUMENTS, (tenant, *columns, hashes))
    changed = [file_id for (file_id,) in await cursor.fetchall()]
    if changed:
        await driver.execute(_KEEP, (tenant, changed, [by_id[file_id].content for file_id in changed]))


async def drop_content(connection: AsyncConnection, file_ids: Sequence[str]) -> None:
    """Delete content that documents were submitted with and none has any more, in a tenant's transaction; no file that
    somebody uploaded.
    """
    needed = exists().where(Document.file_id == StoredFile.id)
    gone = delete(StoredFile).where(StoredFile.id.in_(file_ids), StoredFile.purpose == DOCUMENT, ~needed)
    await connection.execute(gone)


async def _find(connection: AsyncConnection, file_id: str) -> FileInfo:
    row = (await connection.execute(select(*_COLUMNS).where(StoredFile.id == file_id))).one_or_none()
    if row is None:
        raise _no_file(file_id)
    return _info(row)


def _no_file(file_id: str) -> PenstockError:
    return not_found(f"the file {file_id!r}")


def _info(row: Row[*tuple[Any, ...]]) -> FileInfo:
    return FileInfo(**row._mapping)


def _row(file: NewFile) -> dict[str, object]:
    media_type = None if file.media_type is None else storable(file.media_type)
    named = {"id": file.id, "filename": storable(file.filename), "purpose": file.purpose, "media_type": media_type}
    return {**named, "bytes": len(file.content)}


def _hashes(files: Sequence[NewFile]) -> dict[str, bytes]:
    return {each.id: hashlib.sha256(each.content).digest() for each in files}
