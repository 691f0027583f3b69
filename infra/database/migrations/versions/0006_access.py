"""Organisations; what a key may use; limits, budgets, and who changed what."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0006"
down_revision = "0005"


def _made_at(name: str = "created_at") -> "sa.Column[object]":
    return sa.Column(name, sa.DateTime(timezone=True), server_default=sa.func.now(), nullable=False)


def upgrade() -> None:
    op.create_table(
        "organisations",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("name", sa.Text, nullable=False, server_default=""),
        _made_at(),
        sa.Column("disabled_at", sa.DateTime(timezone=True)),
    )
    op.execute("INSERT INTO organisations (id) VALUES ('default')")
    op.add_column("tenants", sa.Column("name", sa.Text, nullable=False, server_default=""))
    op.add_column(
        "tenants",
        sa.Column(
            "organisation_id", sa.Text, sa.ForeignKey("organisations.id"), nullable=False, server_default="default"
        ),
    )
    op.add_column("tenants", sa.Column("models", sa.ARRAY(sa.Text)))
    op.add_column("tenants", sa.Column("disabled_at", sa.DateTime(timezone=True)))
    for name in ("models", "stores"):
        op.add_column("api_keys", sa.Column(name, sa.ARRAY(sa.Text)))
    op.add_column("api_keys", sa.Column("replaces", sa.Text, sa.ForeignKey("api_keys.id")))
    _limits_and_budgets()
    op.create_table(
        "audit_log",
        sa.Column("id", sa.BigInteger, sa.Identity(), primary_key=True),
        _made_at("at"),
        *(sa.Column(name, sa.Text, nullable=False) for name in ("actor", "action", "kind", "subject_id")),
        *(sa.Column(name, JSONB) for name in ("before", "after")),
    )
    op.create_index("audit_log_by_subject", "audit_log", ["kind", "subject_id", "id"])


def _limits_and_budgets() -> None:
    op.create_table(
        "limits",
        sa.Column("kind", sa.Text, sa.CheckConstraint("kind IN ('key', 'tenant', 'model')"), primary_key=True),
        sa.Column("subject_id", sa.Text, primary_key=True),
        sa.Column("model", sa.Text, primary_key=True, server_default="*"),
        *(
            sa.Column(name, sa.BigInteger, sa.CheckConstraint(f"{name} > 0"))
            for name in ("requests_per_minute", "tokens_per_minute", "concurrent_requests")
        ),
        _made_at(),
    )
    op.create_table(
        "budgets",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("kind", sa.Text, sa.CheckConstraint("kind IN ('organisation', 'tenant', 'key')"), nullable=False),
        sa.Column("subject_id", sa.Text, nullable=False),
        sa.Column("period", sa.Text, sa.CheckConstraint("period IN ('day', 'month', 'total')"), nullable=False),
        sa.Column("amount_usd", sa.Numeric(20, 10), sa.CheckConstraint("amount_usd > 0"), nullable=False),
        sa.Column("alert_shares", sa.ARRAY(sa.Numeric(5, 4)), nullable=False, server_default="{0.8,1.0}"),
        sa.Column("webhook_url", sa.Text),
        _made_at(),
        sa.UniqueConstraint("kind", "subject_id", "period"),
    )


def downgrade() -> None:
    for table in ("audit_log", "budgets", "limits"):
        op.drop_table(table)
    for table, columns in (
        ("api_keys", ("replaces", "stores", "models")),
        ("tenants", ("disabled_at", "models", "organisation_id", "name")),
    ):
        for column in columns:
            op.drop_column(table, column)
    op.drop_table("organisations")
