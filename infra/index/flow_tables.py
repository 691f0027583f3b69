"""The tables beside an index: batches of files, re-indexes, evaluation sets, feedback. Rows are the tenant's alone."""

from datetime import datetime
from typing import Any

from sqlalchemy import Text, func, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from infra.database.tables import Base
from infra.index.tables import of_store


class FileBatch(Base):
    """Files that were put into a store together; how far they have come is in `document_states`."""

    __tablename__ = "file_batches"

    tenant_id: Mapped[str] = mapped_column(primary_key=True)
    id: Mapped[str] = mapped_column(primary_key=True)
    store_id: Mapped[str]
    document_ids: Mapped[list[str]] = mapped_column(ARRAY(Text))
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    cancelled_at: Mapped[datetime | None]

    __table_args__ = (of_store(),)


class ReindexJob(Base):
    """A re-index: what was asked (`contracts.reindex.ReindexRequested`), what its owner wishes now (`run`, `pause` or
    `cancel`), and how far it has come. Counts are of documents, `rate` of documents a second.
    """

    __tablename__ = "reindex_jobs"

    tenant_id: Mapped[str] = mapped_column(primary_key=True)
    id: Mapped[str] = mapped_column(primary_key=True)
    store_id: Mapped[str]
    version_id: Mapped[int | None]
    asked: Mapped[dict[str, Any]] = mapped_column(JSONB)
    state: Mapped[str]
    wish: Mapped[str] = mapped_column(server_default="run")
    done: Mapped[int] = mapped_column(server_default=text("0"))
    failed: Mapped[int] = mapped_column(server_default=text("0"))
    pending: Mapped[int] = mapped_column(server_default=text("0"))
    rate: Mapped[float] = mapped_column(server_default=text("0"))
    reason: Mapped[str | None]
    quality: Mapped[dict[str, Any] | None] = mapped_column(JSONB)
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    updated_at: Mapped[datetime] = mapped_column(server_default=func.now())

    __table_args__ = (of_store(),)


class EvaluationSetRow(Base):
    """Queries by id, and for each the documents that somebody judged: how relevant they are, from 0 up."""

    __tablename__ = "evaluation_sets"

    tenant_id: Mapped[str] = mapped_column(primary_key=True)
    store_id: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(primary_key=True)
    queries: Mapped[dict[str, Any]] = mapped_column(JSONB)
    judgements: Mapped[dict[str, Any]] = mapped_column(JSONB)
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())

    __table_args__ = (of_store(),)


class Feedback(Base):
    """What somebody thought of an answer or of a document that was found: `rating` from -1 to 1."""

    __tablename__ = "feedback"

    tenant_id: Mapped[str] = mapped_column(primary_key=True)
    id: Mapped[str] = mapped_column(primary_key=True)
    request_id: Mapped[str | None]
    store_id: Mapped[str | None]
    document_id: Mapped[str | None]
    query: Mapped[str | None]
    rating: Mapped[float]
    comment: Mapped[str | None]
    attributes: Mapped[dict[str, Any]] = mapped_column("metadata", JSONB, server_default=text("'{}'"))
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
