"""The ledger by day, what its rows say more, and its sums by hour."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0007"
down_revision = "0006"

_TEXTS = ("lane", "api", "model", "deployment", "provider", "provider_model", "status", "idempotency_key")
_TOKENS_BEFORE = ("input_tokens", "output_tokens", "cached_input_tokens", "reasoning_tokens")
_TOKENS = (
    *_TOKENS_BEFORE,
    *("cache_write_tokens", "cache_write_1h_tokens", "input_audio_tokens", "output_audio_tokens"),
)
_COUNTS = ("requests", "calls", "cache_hits", "failed", "cancelled", "estimated", "unpriced")
_SUMS = (*_TOKENS, "latency_us", "first_token_us", "first_tokens")
_KEPT = """tenant_id, request_id, attempt, started_at, message_id, key_id, lane, api, model, deployment, provider,
    provider_model, status, error_code, input_tokens, output_tokens, cached_input_tokens, reasoning_tokens, estimated,
    cost_usd, idempotency_key, stream, latency_ms, first_token_ms, trace_id, recorded_at"""
_DAYS = """
DO $$
DECLARE day date;
BEGIN
    FOR day IN SELECT DISTINCT (started_at AT TIME ZONE 'UTC')::date FROM usage_before
        UNION SELECT (now() AT TIME ZONE 'UTC')::date + ahead FROM generate_series(0, 3) AS ahead
    LOOP
        EXECUTE format(
            'CREATE TABLE %I PARTITION OF usage FOR VALUES FROM (%L) TO (%L)',
            'usage_' || to_char(day, 'YYYYMMDD'), day || ' 00:00:00+00', (day + 1) || ' 00:00:00+00'
        );
    END LOOP;
END $$
"""
_MOVE = f"""
INSERT INTO usage (organisation_id, {_KEPT})
SELECT coalesce((SELECT organisation_id FROM tenants WHERE id = tenant_id), 'default'), {_KEPT} FROM usage_before
"""  # noqa: S608 - names of our own columns
_MOVE_BACK = f"INSERT INTO usage ({_KEPT}) SELECT {_KEPT} FROM usage_by_day WHERE status <> 'cache_hit'"  # noqa: S608 - the same
_SUM_UP = """
INSERT INTO usage_hourly (
    tenant_id, hour, cell, organisation_id, key_id, model, route, tags, requests, calls, cache_hits, failed, cancelled,
    estimated, unpriced, input_tokens, output_tokens, cached_input_tokens, reasoning_tokens, latency_us,
    first_token_us, first_tokens, cost_usd, saved_usd
)
SELECT tenant_id, hour, sha256(convert_to(jsonb_build_array(organisation_id, key_id, model, '', '{}'::jsonb)::text,
       'UTF8')), organisation_id, key_id, model, '', '{}',
       count(*) FILTER (WHERE attempt = 1), count(*), 0,
       count(*) FILTER (WHERE status = 'failed'), count(*) FILTER (WHERE status = 'cancelled'),
       count(*) FILTER (WHERE estimated), count(*) FILTER (WHERE cost_usd IS NULL),
       sum(input_tokens), sum(output_tokens), sum(cached_input_tokens), sum(reasoning_tokens),
       sum(round(latency_ms * 1000)::bigint), coalesce(sum(round(first_token_ms * 1000)::bigint), 0),
       count(first_token_ms), coalesce(sum(cost_usd), 0), 0
FROM usage CROSS JOIN LATERAL date_trunc('hour', started_at, 'UTC') AS hour
GROUP BY tenant_id, hour, organisation_id, key_id, model
"""


def upgrade() -> None:
    op.rename_table("usage", "usage_before")
    for name in ("usage_pkey", "usage_message_id_key"):
        op.execute(f"ALTER TABLE usage_before DROP CONSTRAINT {name}")
    op.drop_index("usage_by_tenant_and_time", "usage_before")
    _create_usage()
    _create_hourly()
    op.execute(_DAYS)
    op.execute(_MOVE)
    op.execute(_SUM_UP)
    op.drop_table("usage_before")


def _create_usage() -> None:
    op.create_table(
        "usage",
        *(sa.Column(name, sa.Text, nullable=False) for name in ("tenant_id", "request_id")),
        sa.Column("attempt", sa.BigInteger, nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        *(sa.Column(name, sa.Text, nullable=False) for name in ("message_id", "organisation_id", *_TEXTS)),
        *(sa.Column(name, sa.Text) for name in ("key_id", "error_code", "route", "cache", "trace_id")),
        sa.Column("tags", JSONB, nullable=False, server_default=sa.text("'{}'")),
        *(sa.Column(name, sa.BigInteger, nullable=False, server_default="0") for name in _TOKENS),
        *(sa.Column(name, sa.Boolean, nullable=False) for name in ("estimated", "stream")),
        *(sa.Column(name, sa.Numeric(20, 10)) for name in ("cost_usd", "saved_usd")),
        sa.Column("latency_ms", sa.Float, nullable=False),
        sa.Column("first_token_ms", sa.Float),
        sa.Column("recorded_at", sa.DateTime(timezone=True), server_default=sa.func.now(), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "request_id", "attempt", "started_at"),
        postgresql_partition_by="RANGE (started_at)",
    )
    op.create_index("usage_by_tenant_and_time", "usage", ["tenant_id", "started_at"])


def _create_hourly() -> None:
    op.create_table(
        "usage_hourly",
        sa.Column("tenant_id", sa.Text, nullable=False),
        sa.Column("hour", sa.DateTime(timezone=True), nullable=False),
        sa.Column("cell", sa.LargeBinary, nullable=False),
        sa.Column("organisation_id", sa.Text, nullable=False),
        sa.Column("key_id", sa.Text),
        *(sa.Column(name, sa.Text, nullable=False) for name in ("model", "route")),
        sa.Column("tags", JSONB, nullable=False),
        *(sa.Column(name, sa.BigInteger, nullable=False, server_default="0") for name in (*_COUNTS, *_SUMS)),
        *(sa.Column(name, sa.Numeric(20, 10), nullable=False) for name in ("cost_usd", "saved_usd")),
        sa.PrimaryKeyConstraint("tenant_id", "hour", "cell"),
    )
    op.create_index("usage_hourly_by_hour", "usage_hourly", ["hour"])
    # A row of the hour that runs is written again and again: with room on its page, no index has to know.
    op.execute("ALTER TABLE usage_hourly SET (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.05)")


def downgrade() -> None:
    """What the columns of now alone hold is lost, cache hits among it."""
    op.rename_table("usage", "usage_by_day")
    op.execute("ALTER TABLE usage_by_day RENAME CONSTRAINT usage_pkey TO usage_by_day_pkey")
    op.drop_index("usage_by_tenant_and_time", "usage_by_day")
    op.create_table(
        "usage",
        *(sa.Column(name, sa.Text, primary_key=True) for name in ("tenant_id", "request_id")),
        sa.Column("attempt", sa.BigInteger, primary_key=True),
        sa.Column("message_id", sa.Text, nullable=False, unique=True),
        *(sa.Column(name, sa.Text, nullable=False) for name in _TEXTS),
        *(sa.Column(name, sa.Text) for name in ("key_id", "error_code", "trace_id")),
        *(sa.Column(name, sa.BigInteger, nullable=False) for name in _TOKENS_BEFORE),
        *(sa.Column(name, sa.Boolean, nullable=False) for name in ("estimated", "stream")),
        sa.Column("cost_usd", sa.Numeric(20, 10)),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("latency_ms", sa.Float, nullable=False),
        sa.Column("first_token_ms", sa.Float),
        sa.Column("recorded_at", sa.DateTime(timezone=True), server_default=sa.func.now(), nullable=False),
    )
    op.create_index("usage_by_tenant_and_time", "usage", ["tenant_id", "started_at"])
    op.execute(_MOVE_BACK)
    for table in ("usage_by_day", "usage_hourly"):
        op.drop_table(table)
