"""Batches of files, re-indexes, evaluation sets, feedback; and the file that a document's content is in."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

revision = "0004"
down_revision = "0003"

_ROLE = "penstock_app"
_TABLES = ("file_batches", "reindex_jobs", "evaluation_sets", "feedback")


def upgrade() -> None:
    op.add_column("files", sa.Column("media_type", sa.Text))
    op.add_column("documents", sa.Column("file_id", sa.Text))
    op.create_index("documents_by_file", "documents", ["tenant_id", "file_id"])
    op.create_index("vector_stores_by_name", "vector_stores", ["tenant_id", "name"])
    _create_batches()
    _create_jobs()
    _create_evaluation()
    for table in _TABLES:
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
        op.execute(
            f"CREATE POLICY own_tenant ON {table} USING "
            "(tenant_id = (SELECT nullif(current_setting('penstock.tenant', true), '')))"
        )
        op.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE ON {table} TO {_ROLE}")


def downgrade() -> None:
    for table in reversed(_TABLES):
        op.drop_table(table)
    op.drop_index("vector_stores_by_name", "vector_stores")
    op.drop_index("documents_by_file", "documents")
    op.drop_column("documents", "file_id")
    op.drop_column("files", "media_type")


def _create_batches() -> None:
    op.create_table(
        "file_batches",
        *_key("tenant_id", "id"),
        sa.Column("store_id", sa.Text, nullable=False),
        sa.Column("document_ids", ARRAY(sa.Text), nullable=False),
        _now("created_at"),
        sa.Column("cancelled_at", sa.DateTime(timezone=True)),
        _of_store(),
    )


def _create_jobs() -> None:
    op.create_table(
        "reindex_jobs",
        *_key("tenant_id", "id"),
        sa.Column("store_id", sa.Text, nullable=False),
        sa.Column("version_id", sa.BigInteger),
        sa.Column("asked", JSONB, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("wish", sa.Text, nullable=False, server_default="run"),
        *(sa.Column(name, sa.BigInteger, nullable=False, server_default="0") for name in ("done", "failed", "pending")),
        sa.Column("rate", sa.Float, nullable=False, server_default="0"),
        sa.Column("reason", sa.Text),
        sa.Column("quality", JSONB),
        _now("created_at"),
        _now("updated_at"),
        _of_store(),
    )
    op.create_index("reindex_jobs_by_store", "reindex_jobs", ["tenant_id", "store_id", "created_at"])


def _create_evaluation() -> None:
    op.create_table(
        "evaluation_sets",
        *_key("tenant_id", "store_id", "name"),
        sa.Column("queries", JSONB, nullable=False),
        sa.Column("judgements", JSONB, nullable=False),
        _now("created_at"),
        _of_store(),
    )
    op.create_table(
        "feedback",
        *_key("tenant_id", "id"),
        *(sa.Column(name, sa.Text) for name in ("request_id", "store_id", "document_id", "query")),
        sa.Column("rating", sa.Float, nullable=False),
        sa.Column("comment", sa.Text),
        sa.Column("metadata", JSONB, nullable=False, server_default=sa.text("'{}'")),
        _now("created_at"),
    )
    op.create_index("feedback_by_store", "feedback", ["tenant_id", "store_id", "created_at"])


def _of_store() -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["tenant_id", "store_id"], ["vector_stores.tenant_id", "vector_stores.id"], ondelete="CASCADE"
    )


def _key(*names: str) -> tuple[sa.Column[str], ...]:
    return tuple(sa.Column(name, sa.Text, primary_key=True) for name in names)


def _now(name: str) -> sa.Column[object]:
    return sa.Column(name, sa.DateTime(timezone=True), server_default=sa.func.now(), nullable=False)
