"""What of each budget is spent and reserved, which calls have reserved it, which alerts it gave; see infra/budgets."""

import sqlalchemy as sa
from alembic import op

from infra.database.migrations.functions_0009 import FUNCTIONS

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    op.create_table(
        "budget_balances",
        sa.Column("budget_id", sa.Text, sa.ForeignKey("budgets.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("period_start", sa.DateTime(timezone=True), primary_key=True),
        *(sa.Column(name, sa.Numeric(20, 10), nullable=False) for name in ("spent", "reserved")),
        postgresql_with={"fillfactor": "20"},
    )
    op.create_table(
        "budget_reservations",
        sa.Column("tenant_id", sa.Text, primary_key=True),
        sa.Column("request_id", sa.Text, primary_key=True),
        sa.Column("attempt", sa.BigInteger, primary_key=True),
        sa.Column("organisation_id", sa.Text, nullable=False),
        sa.Column("key_id", sa.Text),
        sa.Column("amount", sa.Numeric(20, 10), nullable=False),
        *(sa.Column(name, sa.DateTime(timezone=True), nullable=False) for name in ("started_at", "expires_at")),
    )
    op.create_index("budget_reservations_by_expiry", "budget_reservations", ["expires_at"])
    _alerts()
    for functions in FUNCTIONS:
        op.execute(sa.text(functions.replace(":", "\\:")))


def _alerts() -> None:
    op.create_table(
        "budget_alerts",
        sa.Column("id", sa.BigInteger, sa.Identity(), primary_key=True),
        sa.Column("budget_id", sa.Text, sa.ForeignKey("budgets.id", ondelete="CASCADE"), nullable=False),
        sa.Column("period_start", sa.DateTime(timezone=True), nullable=False),
        sa.Column("event", sa.Text, sa.CheckConstraint("event IN ('crossed', 'refused')"), nullable=False),
        sa.Column("share", sa.Numeric(5, 4), nullable=False),
        *(sa.Column(name, sa.Numeric(20, 10), nullable=False) for name in ("amount_usd", "spent_usd")),
        sa.Column("at", sa.DateTime(timezone=True), server_default=sa.func.now(), nullable=False),
        sa.Column("tries", sa.BigInteger, server_default="0", nullable=False),
        sa.Column("next_try_at", sa.DateTime(timezone=True), server_default=sa.func.now()),
        sa.Column("delivered_at", sa.DateTime(timezone=True)),
        sa.UniqueConstraint("budget_id", "period_start", "event", "share", "amount_usd"),
    )
    op.create_index("budget_alerts_due", "budget_alerts", ["next_try_at"])


def downgrade() -> None:
    op.execute("DROP TRIGGER budgets_made_alone ON budgets")
    for function in (
        "expire_budget_reservations",
        "settle_budgets",
        "reserve_budget",
        "budgets_made_alone",
        "lock_budget_balances",
        "budget_reserved_before",
        "budget_spent_before",
        "budgets_of",
        "key_and_replaced",
        "budget_period_end",
        "budget_period_start",
    ):
        op.execute(f"DROP FUNCTION {function}")
    op.execute("DROP TYPE budget_scope")
    for table in ("budget_alerts", "budget_reservations", "budget_balances"):
        op.drop_table(table)
