"""The ledger's sums by day, beside those by hour; and no index by time, which look-ups by request got caught in."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0012"
down_revision = "0011"

_DIMENSIONS = ("tenant_id", "cell", "organisation_id", "key_id", "model", "route", "tags")
_COUNTS = (
    *("requests", "calls", "cache_hits", "failed", "cancelled", "estimated", "unpriced"),
    *("input_tokens", "output_tokens", "cached_input_tokens", "reasoning_tokens", "cache_write_tokens"),
    *("cache_write_1h_tokens", "input_audio_tokens", "output_audio_tokens"),
    *("latency_us", "first_token_us", "first_tokens"),
)
_DOLLARS = ("cost_usd", "saved_usd")
_SUM_UP = f"""
INSERT INTO usage_daily (day, {", ".join((*_DIMENSIONS, *_COUNTS, *_DOLLARS))})
SELECT date_trunc('day', hour, 'UTC') AS day, {", ".join(_DIMENSIONS)},
       {", ".join(f"sum({name})" for name in (*_COUNTS, *_DOLLARS))}
FROM usage_hourly GROUP BY day, {", ".join(_DIMENSIONS)}
"""  # noqa: S608 - names of our own columns


def upgrade() -> None:
    op.create_table(
        "usage_daily",
        sa.Column("tenant_id", sa.Text, nullable=False),
        sa.Column("day", sa.DateTime(timezone=True), nullable=False),
        sa.Column("cell", sa.LargeBinary, nullable=False),
        sa.Column("organisation_id", sa.Text, nullable=False),
        sa.Column("key_id", sa.Text),
        *(sa.Column(name, sa.Text, nullable=False) for name in ("model", "route")),
        sa.Column("tags", JSONB, nullable=False),
        *(sa.Column(name, sa.BigInteger, nullable=False, server_default="0") for name in _COUNTS),
        *(sa.Column(name, sa.Numeric(20, 10), nullable=False) for name in _DOLLARS),
        sa.PrimaryKeyConstraint("tenant_id", "day", "cell"),
    )
    op.create_index("usage_daily_by_day", "usage_daily", ["day"])
    # As the hours: a row of today is written again and again.
    op.execute("ALTER TABLE usage_daily SET (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.05)")
    op.execute(_SUM_UP)
    op.drop_index("usage_by_tenant_and_time", "usage")


def downgrade() -> None:
    op.create_index("usage_by_tenant_and_time", "usage", ["tenant_id", "started_at"])
    op.drop_table("usage_daily")
