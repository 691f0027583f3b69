"""The ledger's sums by hour once more, by tenant alone: what a report by hour over everybody reads."""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"

_COUNTS = (
    *("requests", "calls", "cache_hits", "failed", "cancelled", "estimated", "unpriced"),
    *("input_tokens", "output_tokens", "cached_input_tokens", "reasoning_tokens", "cache_write_tokens"),
    *("cache_write_1h_tokens", "input_audio_tokens", "output_audio_tokens"),
    *("latency_us", "first_token_us", "first_tokens"),
)
_DOLLARS = ("cost_usd", "saved_usd")
_SUM_UP = f"""
INSERT INTO usage_hourly_by_tenant (tenant_id, hour, organisation_id, {", ".join((*_COUNTS, *_DOLLARS))})
SELECT tenant_id, hour, organisation_id, {", ".join(f"sum({name})" for name in (*_COUNTS, *_DOLLARS))}
FROM usage_hourly GROUP BY tenant_id, hour, organisation_id
"""  # noqa: S608 - names of our own columns


def upgrade() -> None:
    op.create_table(
        "usage_hourly_by_tenant",
        sa.Column("tenant_id", sa.Text, nullable=False),
        sa.Column("hour", sa.DateTime(timezone=True), nullable=False),
        sa.Column("organisation_id", sa.Text, nullable=False),
        *(sa.Column(name, sa.BigInteger, nullable=False, server_default="0") for name in _COUNTS),
        *(sa.Column(name, sa.Numeric(20, 10), nullable=False) for name in _DOLLARS),
        sa.PrimaryKeyConstraint("tenant_id", "hour", "organisation_id"),
    )
    op.create_index("usage_hourly_by_tenant_by_hour", "usage_hourly_by_tenant", ["hour"])
    # As the other sums: a row of this hour is written again and again.
    op.execute("ALTER TABLE usage_hourly_by_tenant SET (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.05)")
    op.execute(_SUM_UP)


def downgrade() -> None:
    op.drop_table("usage_hourly_by_tenant")
