"""The ledger's tables: its rows, and their sums by hour and by day."""

from datetime import datetime
from decimal import Decimal

from sqlalchemy import Index, LargeBinary, Numeric, func
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from infra.database.tables import Base


class Usage(Base):
    """The ledger: one row an attempt, partitioned by day of `started_at` (UTC). An answer of the cache's has one too.

    Cost is null where no price is known; it is never 0 for that reason. So is what a cached answer saved.
    """

    __tablename__ = "usage"

    tenant_id: Mapped[str] = mapped_column(primary_key=True)
    request_id: Mapped[str] = mapped_column(primary_key=True)
    attempt: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    started_at: Mapped[datetime] = mapped_column(primary_key=True)
    message_id: Mapped[str]
    organisation_id: Mapped[str]
    key_id: Mapped[str | None]
    lane: Mapped[str]
    api: Mapped[str]
    model: Mapped[str]
    deployment: Mapped[str]
    provider: Mapped[str]
    provider_model: Mapped[str]
    route: Mapped[str | None]
    cache: Mapped[str | None]
    tags: Mapped[dict[str, str]] = mapped_column(JSONB, server_default="{}")
    status: Mapped[str]
    error_code: Mapped[str | None]
    input_tokens: Mapped[int]
    output_tokens: Mapped[int]
    cached_input_tokens: Mapped[int]
    reasoning_tokens: Mapped[int]
    cache_write_tokens: Mapped[int] = mapped_column(server_default="0")
    cache_write_1h_tokens: Mapped[int] = mapped_column(server_default="0")
    input_audio_tokens: Mapped[int] = mapped_column(server_default="0")
    output_audio_tokens: Mapped[int] = mapped_column(server_default="0")
    estimated: Mapped[bool]
    cost_usd: Mapped[Decimal | None] = mapped_column(Numeric(20, 10))
    saved_usd: Mapped[Decimal | None] = mapped_column(Numeric(20, 10))
    idempotency_key: Mapped[str]
    stream: Mapped[bool]
    latency_ms: Mapped[float]
    first_token_ms: Mapped[float | None]
    saved_ms: Mapped[float | None]
    trace_id: Mapped[str | None]
    recorded_at: Mapped[datetime] = mapped_column(server_default=func.now())

    # No index by time: within a day's partition the planner takes it for a look-up by request, 30 times as slow.
    __table_args__ = {"postgresql_partition_by": "RANGE (started_at)"}  # noqa: RUF012 - SQLAlchemy's


class _Measures:
    """What the ledger's rows of a tenant sum up to.

    `calls` are the attempts, `requests` the first ones and those that the cache answered; `unpriced` the rows whose
    cost is not known; times are in microseconds and of calls alone, `first_tokens` counts the rows that have one, and
    `saved_us` is what the cache's answers saved of it.
    """

    tenant_id: Mapped[str] = mapped_column(primary_key=True)
    requests: Mapped[int]
    calls: Mapped[int]
    cache_hits: Mapped[int]
    failed: Mapped[int]
    cancelled: Mapped[int]
    estimated: Mapped[int]
    unpriced: Mapped[int]
    input_tokens: Mapped[int]
    output_tokens: Mapped[int]
    cached_input_tokens: Mapped[int]
    reasoning_tokens: Mapped[int]
    cache_write_tokens: Mapped[int]
    cache_write_1h_tokens: Mapped[int]
    input_audio_tokens: Mapped[int]
    output_audio_tokens: Mapped[int]
    latency_us: Mapped[int]
    first_token_us: Mapped[int]
    first_tokens: Mapped[int]
    saved_us: Mapped[int] = mapped_column(server_default="0")
    cost_usd: Mapped[Decimal] = mapped_column(Numeric(20, 10))
    saved_usd: Mapped[Decimal] = mapped_column(Numeric(20, 10))


class _Cells(_Measures):
    """The sums of rows of the same organisation, tenant, key, model, route and tags: `cell` is a hash of these."""

    cell: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    organisation_id: Mapped[str]
    key_id: Mapped[str | None]
    model: Mapped[str]
    route: Mapped[str]
    tags: Mapped[dict[str, str]] = mapped_column(JSONB)


class UsageHour(_Cells, Base):
    """The sums of an hour (UTC)."""

    __tablename__ = "usage_hourly"

    hour: Mapped[datetime] = mapped_column(primary_key=True)

    __table_args__ = (Index("usage_hourly_by_hour", "hour"),)


class UsageDay(_Cells, Base):
    """The sums of a day (UTC): the hours' again, as a month of hours takes too long to add up."""

    __tablename__ = "usage_daily"

    day: Mapped[datetime] = mapped_column(primary_key=True)

    __table_args__ = (Index("usage_daily_by_day", "day"),)


class UsageTenantHour(_Measures, Base):
    """The sums of a tenant's hour (UTC): a month of hours, without what they are taken apart by, adds up quickly."""

    __tablename__ = "usage_hourly_by_tenant"

    hour: Mapped[datetime] = mapped_column(primary_key=True)
    organisation_id: Mapped[str] = mapped_column(primary_key=True)

    __table_args__ = (Index("usage_hourly_by_tenant_by_hour", "hour"),)
