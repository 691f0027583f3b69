"""The tables of documents and indexes. The chunks and postings of a version are in `infra.index.version_tables`.

Every row has its tenant, and row-level security lets a transaction see the rows of its own tenant alone.
"""

from datetime import datetime
from typing import Any

from pgvector.sqlalchemy import HALFVEC
from sqlalchemy import BigInteger, ForeignKeyConstraint, Identity, Index, LargeBinary, func, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from infra.database.tables import Base


def of_store() -> ForeignKeyConstraint:
    """A row that goes with its store."""
    return ForeignKeyConstraint(
        ["tenant_id", "store_id"], ["vector_stores.tenant_id", "vector_stores.id"], ondelete="CASCADE"
    )


class StoredFile(Base):
    """A file as it was uploaded; its bytes are in `file_contents`."""

    __tablename__ = "files"

    tenant_id: Mapped[str] = mapped_column(primary_key=True)
    id: Mapped[str] = mapped_column(primary_key=True)
    filename: Mapped[str]
    purpose: Mapped[str]
    size: Mapped[int] = mapped_column("bytes")
    media_type: Mapped[str | None]
    sha256: Mapped[bytes] = mapped_column(LargeBinary)
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())


class FileContent(Base):
    """The bytes of a file."""

    __tablename__ = "file_contents"

    tenant_id: Mapped[str] = mapped_column(primary_key=True)
    file_id: Mapped[str] = mapped_column(primary_key=True)
    content: Mapped[bytes] = mapped_column(LargeBinary)

    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "file_id"], ["files.tenant_id", "files.id"], ondelete="CASCADE"),
    )


class VectorStore(Base):
    """An alias of index versions; `live_version` is the one that answers."""

    __tablename__ = "vector_stores"

    tenant_id: Mapped[str] = mapped_column(primary_key=True)
    id: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(server_default="")
    attributes: Mapped[dict[str, Any]] = mapped_column("metadata", JSONB, server_default=text("'{}'"))
    confidential: Mapped[bool] = mapped_column(server_default=text("false"))
    settings: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default=text("'{}'"))
    live_version: Mapped[int | None]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    last_active_at: Mapped[datetime] = mapped_column(server_default=func.now())
    expires_after: Mapped[dict[str, Any] | None] = mapped_column(JSONB)


class IndexVersionRow(Base):
    """One build of a store's index: how its chunks were cut and embedded, and the statistics that BM25 needs.

    `chunks` and `total_length` (BM25 tokens) count what can be found; `posted` counts the chunks that postings know,
    deleted ones too until a merge. `next_id` is the next chunk's and segment's. `graph_effort` is null until there is
    an HNSW index, and then the `hnsw.ef_search` that it needs, found when there were `graph_chunks`.
    """

    __tablename__ = "index_versions"

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    tenant_id: Mapped[str]
    store_id: Mapped[str]
    state: Mapped[str]
    model: Mapped[str]
    revision: Mapped[str]
    dimension: Mapped[int]
    chunker: Mapped[dict[str, Any]] = mapped_column(JSONB)
    text_config: Mapped[str]
    chunks: Mapped[int] = mapped_column(server_default=text("0"))
    total_length: Mapped[int] = mapped_column(server_default=text("0"))
    posted: Mapped[int] = mapped_column(server_default=text("0"))
    next_id: Mapped[int] = mapped_column(server_default=text("1"))
    graph_effort: Mapped[int | None]
    graph_chunks: Mapped[int | None]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    switched_at: Mapped[datetime | None]
    quality: Mapped[dict[str, Any] | None] = mapped_column(JSONB)

    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "store_id"], ["vector_stores.tenant_id", "vector_stores.id"]),
        Index("index_versions_by_store", "tenant_id", "store_id"),
        Index("one_live_version", "tenant_id", "store_id", unique=True, postgresql_where=text("state = 'live'")),
    )


class Document(Base):
    """What a store holds, as it was last submitted, whether or not it is indexed yet. `file_id` has its content.

    `error_code` and `error_message` say why it can't be indexed, where the store had no version that could have.
    """

    __tablename__ = "documents"

    tenant_id: Mapped[str] = mapped_column(primary_key=True)
    store_id: Mapped[str] = mapped_column(primary_key=True)
    id: Mapped[str] = mapped_column(primary_key=True)
    filename: Mapped[str]
    attributes: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default=text("'{}'"))
    sha256: Mapped[bytes] = mapped_column(LargeBinary)
    file_id: Mapped[str | None]
    submitted_at: Mapped[datetime]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    error_code: Mapped[str | None]
    error_message: Mapped[str | None]

    __table_args__ = (of_store(),)


class DeletedDocument(Base):
    """When a document was taken out of a store, kept for a while: a submission from before that comes too late."""

    __tablename__ = "deleted_documents"

    tenant_id: Mapped[str] = mapped_column(primary_key=True)
    store_id: Mapped[str] = mapped_column(primary_key=True)
    id: Mapped[str] = mapped_column(primary_key=True)
    submitted_at: Mapped[datetime]

    __table_args__ = (of_store(),)


class DocumentState(Base):
    """How far a document has come in one index version. `sha256` is of the content whose chunks are there now."""

    __tablename__ = "document_states"

    version_id: Mapped[int] = mapped_column(primary_key=True)
    document_id: Mapped[str] = mapped_column(primary_key=True)
    tenant_id: Mapped[str]
    status: Mapped[str]
    sha256: Mapped[bytes | None] = mapped_column(LargeBinary)
    message_id: Mapped[str | None]
    chunks: Mapped[int] = mapped_column(server_default=text("0"))
    usage_bytes: Mapped[int] = mapped_column(server_default=text("0"))
    error_code: Mapped[str | None]
    error_message: Mapped[str | None]
    updated_at: Mapped[datetime] = mapped_column(server_default=func.now())

    __table_args__ = (ForeignKeyConstraint(["version_id"], ["index_versions.id"], ondelete="CASCADE"),)


class IndexSegment(Base):
    """A part of a version's postings that was written at once; merges make few large ones of many small ones."""

    __tablename__ = "index_segments"

    version_id: Mapped[int] = mapped_column(primary_key=True)
    segment: Mapped[int] = mapped_column(primary_key=True)
    tenant_id: Mapped[str]
    chunks: Mapped[int]

    __table_args__ = (ForeignKeyConstraint(["version_id"], ["index_versions.id"], ondelete="CASCADE"),)


class Embedding(Base):
    """The vector of a text by one model and revision: kept, so that an unchanged chunk is never embedded twice."""

    __tablename__ = "embeddings"

    tenant_id: Mapped[str] = mapped_column(primary_key=True)
    model: Mapped[str] = mapped_column(primary_key=True)
    revision: Mapped[str] = mapped_column(primary_key=True)
    text_sha: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    vector: Mapped[Any] = mapped_column(HALFVEC)
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
