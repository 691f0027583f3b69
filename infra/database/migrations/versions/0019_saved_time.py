"""What answers of the cache saved in time, beside what they saved in dollars."""

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"

_SUMS = ("usage_hourly", "usage_daily", "usage_hourly_by_tenant")


def upgrade() -> None:
    op.add_column("usage", sa.Column("saved_ms", sa.Float))
    for table in _SUMS:
        op.add_column(table, sa.Column("saved_us", sa.BigInteger, nullable=False, server_default="0"))


def downgrade() -> None:
    for table in _SUMS:
        op.drop_column(table, "saved_us")
    op.drop_column("usage", "saved_ms")
