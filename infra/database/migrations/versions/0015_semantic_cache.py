"""The semantic cache: entries, outcomes of what was proposed, and the rules learnt from them; each tenant's own."""

import sqlalchemy as sa
from alembic import op
from pgvector.sqlalchemy import HALFVEC

revision = "0015"
down_revision = "0014"

_ROLE = "penstock_app"
_TABLES = ("semantic_entries", "semantic_outcomes", "semantic_rules")
_COUNTS = ("seen", "wrong", "new", "known")
_NOW = sa.text("now()")


def upgrade() -> None:
    op.create_table(
        "semantic_entries",
        sa.Column("id", sa.BigInteger, sa.Identity(always=True), primary_key=True),
        sa.Column("tenant_id", sa.Text, nullable=False),
        sa.Column("request_id", sa.Text, nullable=False),
        sa.Column("scope", sa.LargeBinary, nullable=False),
        sa.Column("facts", sa.Text, nullable=False),
        sa.Column("embedding", HALFVEC(256), nullable=False),
        sa.Column("cluster", sa.BigInteger),
        sa.Column("cache_key", sa.Text, nullable=False),
        sa.Column("answer_sha256", sa.LargeBinary, nullable=False),
        sa.Column("answer_facts", sa.LargeBinary, nullable=False),
        sa.Column("answer_embedding", HALFVEC(256), nullable=False),
        sa.Column("right", sa.BigInteger, nullable=False, server_default="0"),
        sa.Column("wrong", sa.BigInteger, nullable=False, server_default="0"),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.UniqueConstraint("tenant_id", "request_id"),
    )
    op.create_index("semantic_entries_by_scope", "semantic_entries", ["tenant_id", "scope", "expires_at"])
    # Along the graph for a scope that holds much of the table; a small one is compared as a whole, by the index above.
    op.execute("CREATE INDEX semantic_entries_by_meaning ON semantic_entries USING hnsw (embedding halfvec_cosine_ops)")
    op.create_table(
        "semantic_outcomes",
        sa.Column("tenant_id", sa.Text, primary_key=True),
        sa.Column("request_id", sa.Text, primary_key=True),
        sa.Column("question_group", sa.LargeBinary, nullable=False),
        sa.Column("entry_id", sa.BigInteger, nullable=False),
        sa.Column("evidence", sa.ARRAY(sa.Double), nullable=False),
        sa.Column("right", sa.Boolean),
        sa.Column("hit", sa.Boolean, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False, server_default=_NOW),
    )
    op.create_index("semantic_outcomes_by_group", "semantic_outcomes", ["tenant_id", "question_group", "at"])
    op.create_table(
        "semantic_rules",
        sa.Column("tenant_id", sa.Text, primary_key=True),
        sa.Column("question_group", sa.LargeBinary, primary_key=True),
        sa.Column("model", sa.Text, nullable=False),
        sa.Column("target", sa.Double, nullable=False),
        sa.Column("weights", sa.ARRAY(sa.Double), nullable=False, server_default="{}"),
        sa.Column("threshold", sa.Double),
        *(sa.Column(name, sa.BigInteger, nullable=False, server_default="0") for name in _COUNTS),
        sa.Column("bound", sa.Double, nullable=False, server_default="1"),
        sa.Column("watchful", sa.Boolean, nullable=False, server_default=sa.false()),
        sa.Column("learnt_at", sa.DateTime(timezone=True), nullable=False, server_default=_NOW),
    )
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
