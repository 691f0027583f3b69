"""The one statement that writes a batch: its rows, and what they change in the sums of their hours.

It is put together once from the columns of the tables, so that a column has one place.
"""

from typing import Final

from sqlalchemy import TextClause, text

from contracts.usage import CACHE_HIT, INTERRUPTED
from infra.database.usage_tables import Usage, UsageHour

_KEY: Final = ("tenant_id", "request_id", "attempt", "started_at")
_SHARED: Final = ("organisation_id", "key_id", "model", "route", "tags")
_GIVEN: Final = {"started_at": "coalesce(known.started_at, r.started_at)"}
"""PostgreSQL keeps a key apart only within a day's partition: where the attempt has a row, its time is that row's, so
that the key finds it even if two messages disagree about the time."""
_MICROSECONDS: Final = f"CASE WHEN status <> '{CACHE_HIT}' THEN coalesce(round({{}} * 1000)::bigint, 0) ELSE 0 END"
_MEASURES: Final = {
    "requests": "(attempt = 1)::int",
    "calls": f"(status <> '{CACHE_HIT}')::int",
    "cache_hits": f"(status = '{CACHE_HIT}')::int",
    "failed": "(status = 'failed')::int",
    "cancelled": "(status = 'cancelled')::int",
    "estimated": "estimated::int",
    "unpriced": "(cost_usd IS NULL)::int",
    "latency_us": _MICROSECONDS.format("latency_ms"),
    "first_token_us": _MICROSECONDS.format("first_token_ms"),
    "first_tokens": "(first_token_ms IS NOT NULL)::int",
    "saved_us": "coalesce(round(saved_ms * 1000)::bigint, 0)",
    "cost_usd": "coalesce(cost_usd, 0)",
    "saved_usd": "coalesce(saved_usd, 0)",
}
"""What a row adds to each sum; a sum that isn't here adds up the column of its own name."""
_TOLD: Final = (*_KEY, "organisation_id", "key_id", "model", "status", "estimated", "cost_usd")
"""The columns of a row before and after that the caller is told."""
_STATEMENT: Final = """
WITH written AS (
    INSERT INTO usage AS kept ({columns}, organisation_id)
    SELECT {given}, coalesce(t.organisation_id, 'default')
    FROM json_populate_recordset(NULL::usage, CAST(:rows AS json)) r LEFT JOIN tenants t ON t.id = r.tenant_id
    LEFT JOIN LATERAL (
        SELECT u.started_at FROM usage u
        WHERE (u.tenant_id, u.request_id, u.attempt) = (r.tenant_id, r.request_id, r.attempt)
        AND u.started_at > r.started_at - interval '1 day' AND u.started_at < r.started_at + interval '1 day' LIMIT 1
    ) known ON true
    ORDER BY r.tenant_id, r.request_id, r.attempt
    ON CONFLICT ({key}) DO UPDATE SET {replaced}
    WHERE kept.status = '{interrupted}' AND excluded.status <> '{interrupted}'
    RETURNING old AS was, new AS now
), changed AS (
    SELECT side.sign, entry.* FROM written CROSS JOIN LATERAL (VALUES (1, now), (-1, was)) AS side(sign, entire)
    CROSS JOIN LATERAL (SELECT (side.entire).*) AS entry WHERE entry.tenant_id IS NOT NULL
), sums AS (
    SELECT tenant_id, date_trunc('hour', started_at, 'UTC') AS hour, {shared}, {sums}
    FROM changed GROUP BY tenant_id, hour, {grouped}
), cells AS (
    SELECT tenant_id, hour, sha256(convert_to(jsonb_build_array({shared_names})::text, 'UTF8')) AS cell,
           {shared_names}, {measures} FROM sums
), hours AS (
    INSERT INTO usage_hourly AS kept (tenant_id, hour, cell, {shared_names}, {measures})
    SELECT tenant_id, hour, cell, {shared_names}, {measures} FROM cells ORDER BY tenant_id, hour, cell
    ON CONFLICT (tenant_id, hour, cell) DO UPDATE SET {added}
), days AS (
    INSERT INTO usage_daily AS kept (tenant_id, day, cell, {shared_names}, {measures})
    SELECT tenant_id, date_trunc('day', hour, 'UTC') AS day, cell, {shared_names}, {summed_again} FROM cells
    GROUP BY tenant_id, day, cell, {shared_names} ORDER BY tenant_id, day, cell
    ON CONFLICT (tenant_id, day, cell) DO UPDATE SET {added}
), tenants_hours AS (
    INSERT INTO usage_hourly_by_tenant AS kept (tenant_id, hour, organisation_id, {measures})
    SELECT tenant_id, hour, organisation_id, {summed_again} FROM cells
    GROUP BY tenant_id, hour, organisation_id ORDER BY tenant_id, hour, organisation_id
    ON CONFLICT (tenant_id, hour, organisation_id) DO UPDATE SET {added}
)
SELECT {told} FROM written
"""


def write_statement() -> TextClause:
    """Takes `rows`, a JSON array of objects. A row each for what it changed: columns `was_…`, null for a new row, and
    `now_…`. A row that is there already changes nothing, unless it was the estimate of a call whose worker died.
    """
    columns = [
        column.name for column in Usage.__table__.columns if column.name not in ("recorded_at", "organisation_id")
    ]
    measures = [
        column.name
        for column in UsageHour.__table__.columns
        if column.name not in ("tenant_id", "hour", "cell", *_SHARED)
    ]
    replaced = (*(name for name in columns if name not in _KEY), "organisation_id")
    return text(
        _STATEMENT.format(
            columns=", ".join(columns),
            given=", ".join(_GIVEN.get(name, f"r.{name}") for name in columns),
            key=", ".join(_KEY),
            replaced=", ".join(f"{name} = excluded.{name}" for name in replaced),
            interrupted=INTERRUPTED,
            shared="organisation_id, key_id, model, coalesce(route, '') AS route, tags",
            grouped="organisation_id, key_id, model, coalesce(route, ''), tags",
            shared_names=", ".join(_SHARED),
            sums=", ".join(f"sum(sign * {_MEASURES.get(name, name)}) AS {name}" for name in measures),
            measures=", ".join(measures),
            summed_again=", ".join(f"sum({name})" for name in measures),
            added=", ".join(f"{name} = kept.{name} + excluded.{name}" for name in measures),
            told=", ".join(f"({side}).{name} AS {side}_{name}" for side in ("was", "now") for name in _TOLD),
        )
    )
