"""Files, vector stores, index versions, documents, embeddings; row-level security, forced, for all of them.

A transaction becomes `penstock_app` before it reads or writes any of these: the embedded superuser would not be held by
row-level security. Each policy is closed where no tenant is set.
"""

import sqlalchemy as sa
from alembic import op
from pgvector.sqlalchemy import HALFVEC
from sqlalchemy.dialects.postgresql import JSONB

revision = "0003"
down_revision = "0002"

_ROLE = "penstock_app"
_TABLES = (
    "files",
    "file_contents",
    "vector_stores",
    "index_versions",
    "documents",
    "document_states",
    "index_segments",
    "embeddings",
)
_STORE = (["tenant_id", "store_id"], ["vector_stores.tenant_id", "vector_stores.id"])


def upgrade() -> None:
    op.execute("CREATE EXTENSION IF NOT EXISTS vector")
    _create_role()
    _create_files()
    _create_stores()
    _create_documents()
    for table in _TABLES:
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
        op.execute(
            f"CREATE POLICY own_tenant ON {table} USING "
            "(tenant_id = (SELECT nullif(current_setting('penstock.tenant', true), '')))"
        )
        op.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE ON {table} TO {_ROLE}")


def downgrade() -> None:
    # The tables of versions, which no revision made. Their names are asked for, as row-level security hides the rows.
    op.execute(
        r"""
        DO $$ DECLARE name text; BEGIN
          FOR name IN SELECT relname FROM pg_class WHERE relkind = 'r'
            AND relnamespace = current_schema()::regnamespace AND relname ~ '^(chunks|postings)_[0-9]+$'
          LOOP
            EXECUTE format('DROP TABLE %I', name);
          END LOOP;
        END $$
        """
    )
    for table in reversed(_TABLES):
        op.drop_table(table)
    # The role stays: it belongs to the server, and another database of it may use it.
    op.execute(f"REVOKE ALL ON SCHEMA public FROM {_ROLE}")


def _create_role() -> None:
    op.execute(
        f"""
        DO $$ BEGIN
          IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{_ROLE}') THEN
            CREATE ROLE {_ROLE} NOLOGIN NOSUPERUSER NOBYPASSRLS;
          END IF;
          IF NOT has_database_privilege('{_ROLE}', current_database(), 'TEMPORARY') THEN
            EXECUTE format('GRANT TEMPORARY ON DATABASE %I TO {_ROLE}', current_database());
          END IF;
          -- A superuser may become any role; anyone else needs to be a member of it.
          IF NOT pg_has_role(current_user, '{_ROLE}', 'SET') THEN
            EXECUTE format('GRANT {_ROLE} TO %I WITH INHERIT FALSE, SET TRUE', current_user);
          END IF;
        END $$
        """
    )
    op.execute(f"GRANT USAGE ON SCHEMA public TO {_ROLE}")


def _create_files() -> None:
    op.create_table(
        "files",
        *_key("tenant_id", "id"),
        sa.Column("filename", sa.Text, nullable=False),
        sa.Column("purpose", sa.Text, nullable=False),
        sa.Column("bytes", sa.BigInteger, nullable=False),
        sa.Column("sha256", sa.LargeBinary, nullable=False),
        _now("created_at"),
    )
    op.create_table(
        "file_contents",
        *_key("tenant_id", "file_id"),
        sa.Column("content", sa.LargeBinary, nullable=False),
        sa.ForeignKeyConstraint(["tenant_id", "file_id"], ["files.tenant_id", "files.id"], ondelete="CASCADE"),
    )


def _create_stores() -> None:
    op.create_table(
        "vector_stores",
        *_key("tenant_id", "id"),
        sa.Column("name", sa.Text, nullable=False, server_default=""),
        _json("metadata"),
        sa.Column("confidential", sa.Boolean, nullable=False, server_default=sa.false()),
        _json("settings"),
        sa.Column("live_version", sa.BigInteger),
        _now("created_at"),
        _now("last_active_at"),
        sa.Column("expires_after", JSONB),
    )
    op.create_table(
        "index_versions",
        sa.Column("id", sa.BigInteger, sa.Identity(always=True), primary_key=True),
        *(
            sa.Column(name, sa.Text, nullable=False)
            for name in ("tenant_id", "store_id", "state", "model", "revision", "text_config")
        ),
        sa.Column("dimension", sa.BigInteger, nullable=False),
        _json("chunker"),
        *(
            sa.Column(name, sa.BigInteger, nullable=False, server_default=start)
            for name, start in (("chunks", "0"), ("total_length", "0"), ("posted", "0"), ("next_id", "1"))
        ),
        sa.Column("graph_effort", sa.BigInteger),
        sa.Column("graph_chunks", sa.BigInteger),
        _now("created_at"),
        sa.Column("switched_at", sa.DateTime(timezone=True)),
        sa.Column("quality", JSONB),
        sa.ForeignKeyConstraint(*_STORE),
    )
    op.create_index("index_versions_by_store", "index_versions", ["tenant_id", "store_id"])
    op.create_index(
        "one_live_version",
        "index_versions",
        ["tenant_id", "store_id"],
        unique=True,
        postgresql_where=sa.text("state = 'live'"),
    )


def _create_documents() -> None:
    op.create_table(
        "documents",
        *_key("tenant_id", "store_id", "id"),
        sa.Column("filename", sa.Text, nullable=False),
        _json("attributes"),
        sa.Column("sha256", sa.LargeBinary, nullable=False),
        sa.Column("submitted_at", sa.DateTime(timezone=True), nullable=False),
        _now("created_at"),
        sa.ForeignKeyConstraint(*_STORE, ondelete="CASCADE"),
    )
    op.create_table(
        "document_states",
        sa.Column("version_id", sa.BigInteger, primary_key=True),
        sa.Column("document_id", sa.Text, primary_key=True),
        sa.Column("tenant_id", sa.Text, nullable=False),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("sha256", sa.LargeBinary),
        sa.Column("message_id", sa.Text),
        sa.Column("chunks", sa.BigInteger, nullable=False, server_default="0"),
        sa.Column("usage_bytes", sa.BigInteger, nullable=False, server_default="0"),
        sa.Column("error_code", sa.Text),
        sa.Column("error_message", sa.Text),
        _now("updated_at"),
        sa.ForeignKeyConstraint(["version_id"], ["index_versions.id"], ondelete="CASCADE"),
    )
    op.create_table(
        "index_segments",
        sa.Column("version_id", sa.BigInteger, primary_key=True),
        sa.Column("segment", sa.BigInteger, primary_key=True),
        sa.Column("tenant_id", sa.Text, nullable=False),
        sa.Column("chunks", sa.BigInteger, nullable=False),
        sa.ForeignKeyConstraint(["version_id"], ["index_versions.id"], ondelete="CASCADE"),
    )
    op.create_table(
        "embeddings",
        *_key("tenant_id", "model", "revision"),
        sa.Column("text_sha", sa.LargeBinary, primary_key=True),
        sa.Column("vector", HALFVEC, nullable=False),
        _now("created_at"),
    )


def _key(*names: str) -> tuple[sa.Column[str], ...]:
    return tuple(sa.Column(name, sa.Text, primary_key=True) for name in names)


def _json(name: str) -> sa.Column[object]:
    return sa.Column(name, JSONB, nullable=False, server_default=sa.text("'{}'"))


def _now(name: str) -> sa.Column[object]:
    return sa.Column(name, sa.DateTime(timezone=True), server_default=sa.func.now(), nullable=False)
