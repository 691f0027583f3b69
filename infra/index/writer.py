"""Chunks, postings, hashes and statistics of a batch of documents, all in one transaction."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Row, select, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from infra.index import staging
from infra.index.binary_copy import binaries, fixed, integers, optional_integers, same, texts
from infra.index.chunks import DocumentChunks
from infra.index.documents import DocumentStatus
from infra.index.postings import invert
from infra.index.registration import forget_chunks
from infra.index.segments import put_segment
from infra.index.staging import copy_into
from infra.index.tables import Document, DocumentState, IndexVersionRow
from infra.index.transaction import driver_of, not_found, tenant_transaction
from infra.index.vectors import to_halfvec, unit
from infra.index.version import IndexVersion, VersionState
from infra.index.version_tables import chunks_table

_WRITABLE = (VersionState.BUILDING, VersionState.LIVE, VersionState.PAST)


@dataclass(frozen=True, slots=True)
class Written:
    """What became of a batch: the documents that are in the index now by it. `left_out` are those that were in it
    already, by the same message, that have been deleted, or whose newest submission has other content.
    """

    documents: tuple[str, ...]
    left_out: tuple[str, ...]
    chunks: int


async def write_documents(engine: AsyncEngine, version: IndexVersion, documents: Sequence[DocumentChunks]) -> Written:
    """Index documents, instead of what the version held of them: all of the batch, or nothing of it.

    A batch that comes again changes nothing. Writers of one version take turns. Raises `PenstockError`:
    `invalid_request` for vectors of another model or dimension, `not_found` for a version that is gone,
    `pipeline_unavailable`, retryable, where the database can't be reached.
    """
    for document in documents:
        document.require_fit(version.model, version.revision, version.dimension)
    async with tenant_transaction(engine, version.tenant_id) as connection:
        next_id = await _lock(connection, version)
        wanted = await _wanted(connection, version, documents)
        chunks = sum(len(document.chunks) for document in wanted.values())
        if wanted:
            await forget_chunks(connection, version.id, list(wanted))
            await _put(connection, version, list(wanted.values()), np.arange(next_id, next_id + chunks))
    left_out = {document.document_id for document in documents} - wanted.keys()
    return Written(tuple(wanted), tuple(sorted(left_out)), chunks)


async def _lock(connection: AsyncConnection, version: IndexVersion) -> int:
    """Keep other writers out until the transaction ends. The first chunk id that is free."""
    query = select(IndexVersionRow.next_id).where(
        IndexVersionRow.id == version.id, IndexVersionRow.state.in_(_WRITABLE)
    )
    next_id: int | None = await connection.scalar(query.with_for_update(key_share=True))
    if next_id is None:
        raise not_found("the index version")
    return next_id


async def _wanted(
    connection: AsyncConnection, version: IndexVersion, documents: Sequence[DocumentChunks]
) -> dict[str, DocumentChunks]:
    """Those whose content is still what the store wants, and that this message has not indexed yet, by id."""
    ids = {document.document_id for document in documents}
    mine = (DocumentState.version_id == version.id) & (DocumentState.document_id == Document.id)
    query = (
        select(Document.id, Document.sha256, DocumentState.message_id, DocumentState.status)
        .join(DocumentState, mine, isouter=True)
        .where(Document.store_id == version.store_id, Document.id.in_(ids))
        .with_for_update(key_share=True, read=True, of=Document)
    )
    rows = {row.id: row for row in await connection.execute(query)}
    return {
        document.document_id: document
        for document in documents
        if (row := rows.get(document.document_id)) is not None and _is_news(document, row)
    }


def _is_news(document: DocumentChunks, row: Row[str, bytes, str | None, str]) -> bool:
    done = row.status == DocumentStatus.COMPLETED and row.message_id == document.message_id
    return row.sha256 == document.sha256 and not done


async def _put(
    connection: AsyncConnection, version: IndexVersion, documents: list[DocumentChunks], chunk_ids: NDArray[np.int64]
) -> None:
    lengths = [chunk.length for document in documents for chunk in document.chunks]
    if lengths:
        await _put_chunks(connection, version, documents, chunk_ids, lengths)
        await _put_postings(connection, version, documents, chunk_ids)
    await connection.execute(_states(), [_state(version, document) for document in documents])
    counted = {
        name: getattr(IndexVersionRow, name) + more
        for name, more in (
            ("chunks", len(lengths)),
            ("posted", len(lengths)),
            ("next_id", len(lengths)),
            ("total_length", sum(lengths)),
        )
    }
    await connection.execute(update(IndexVersionRow).where(IndexVersionRow.id == version.id).values(**counted))


async def _put_chunks(
    connection: AsyncConnection,
    version: IndexVersion,
    documents: list[DocumentChunks],
    chunk_ids: NDArray[np.int64],
    lengths: list[int],
) -> None:
    chunks = [chunk for document in documents for chunk in document.chunks]
    vectors = np.concatenate([unit(document.embeddings) for document in documents if len(document.chunks)])
    columns = (
        integers(chunk_ids),
        same(version.tenant_id),
        texts(chain.from_iterable([document.document_id] * len(document.chunks) for document in documents)),
        integers([chunk.ordinal for chunk in chunks]),
        texts(chunk.text for chunk in chunks),
        binaries(chunk.text_sha for chunk in chunks),
        integers([chunk.start for chunk in chunks]),
        integers([chunk.end for chunk in chunks]),
        texts(chunk.heading for chunk in chunks),
        optional_integers(chunk.page for chunk in chunks),
        integers(lengths),
        fixed(to_halfvec(vectors)),
    )
    await copy_into(await driver_of(connection), chunks_table(version.id), staging.CHUNKS, columns)


async def _put_postings(
    connection: AsyncConnection, version: IndexVersion, documents: list[DocumentChunks], chunk_ids: NDArray[np.int64]
) -> None:
    """A segment is named by its first chunk."""
    made = invert(chunk_ids, [chunk.terms for document in documents for chunk in document.chunks])
    await put_segment(connection, version, made, number=int(chunk_ids[0]), chunks=len(chunk_ids))


def _state(version: IndexVersion, document: DocumentChunks) -> dict[str, Any]:
    size = sum(len(chunk.text.encode("utf-8", "replace")) for chunk in document.chunks)
    return {
        "version_id": version.id,
        "document_id": document.document_id,
        "tenant_id": version.tenant_id,
        "status": DocumentStatus.COMPLETED,
        "sha256": document.sha256,
        "message_id": document.message_id,
        "chunks": len(document.chunks),
        "usage_bytes": size + 2 * version.dimension * len(document.chunks),
        "error_code": None,
        "error_message": None,
    }


def _states() -> Any:  # noqa: ANN401 - SQLAlchemy's statement type is private
    statement = upsert(DocumentState)
    names = [column.name for column in DocumentState.__table__.columns if not column.primary_key]
    new = {name: statement.excluded[name] for name in names}
    return statement.on_conflict_do_update(index_elements=("version_id", "document_id"), set_=new)
