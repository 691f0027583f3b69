"""The tables, as SQLAlchemy models. Migrations make them; nothing else does."""

from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Computed,
    DateTime,
    ForeignKey,
    Identity,
    Index,
    LargeBinary,
    Numeric,
    Text,
    UniqueConstraint,
    func,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

LIMIT_ID = "'limit_' || md5(kind || ' ' || subject_id || ' ' || model)"


class Base(DeclarativeBase):
    """All tables."""

    type_annotation_map = {str: Text, datetime: DateTime(timezone=True), int: BigInteger}  # noqa: RUF012 - SQLAlchemy's


class Organisation(Base):
    """Who pays for tenants."""

    __tablename__ = "organisations"

    id: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(server_default="")
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    disabled_at: Mapped[datetime | None]


class Tenant(Base):
    """A team: whose requests, whose money. `models` are those that it may use, all where it is null."""

    __tablename__ = "tenants"

    id: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(server_default="")
    organisation_id: Mapped[str] = mapped_column(ForeignKey("organisations.id"), server_default="default")
    models: Mapped[list[str] | None] = mapped_column(ARRAY(Text))
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    disabled_at: Mapped[datetime | None]


class ApiKey(Base):
    """A key, without its secret: only the SHA-256 of that is stored."""

    __tablename__ = "api_keys"

    id: Mapped[str] = mapped_column(primary_key=True)
    tenant_id: Mapped[str] = mapped_column(ForeignKey("tenants.id"))
    secret_sha256: Mapped[bytes] = mapped_column(LargeBinary)
    name: Mapped[str]
    scopes: Mapped[list[str]] = mapped_column(ARRAY(Text))
    models: Mapped[list[str] | None] = mapped_column(ARRAY(Text))
    stores: Mapped[list[str] | None] = mapped_column(ARRAY(Text))
    replaces: Mapped[str | None] = mapped_column(ForeignKey("api_keys.id"))
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    expires_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]


class LimitRow(Base):
    """How much passes of a key, a tenant or a model: see `infra.access.policy.Limit`."""

    __tablename__ = "limits"

    kind: Mapped[str] = mapped_column(primary_key=True)
    subject_id: Mapped[str] = mapped_column(primary_key=True)
    model: Mapped[str] = mapped_column(primary_key=True, server_default="*")
    requests_per_minute: Mapped[int | None]
    tokens_per_minute: Mapped[int | None]
    concurrent_requests: Mapped[int | None]
    id: Mapped[str] = mapped_column(Computed(LIMIT_ID), unique=True)
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())


class BudgetRow(Base):
    """How much an organisation, tenant or key may spend in each day, month, or in all; at which shares it is told."""

    __tablename__ = "budgets"

    id: Mapped[str] = mapped_column(primary_key=True)
    kind: Mapped[str]
    subject_id: Mapped[str]
    period: Mapped[str]
    amount_usd: Mapped[Decimal] = mapped_column(Numeric(20, 10))
    alert_shares: Mapped[list[Decimal]] = mapped_column(ARRAY(Numeric(5, 4)), server_default="{0.8,1.0}")
    webhook_url: Mapped[str | None]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())

    __table_args__ = (UniqueConstraint("kind", "subject_id", "period"),)


class BudgetBalance(Base):
    """What of a budget is spent and reserved in one of its periods; changed by the database's functions alone."""

    __tablename__ = "budget_balances"

    budget_id: Mapped[str] = mapped_column(ForeignKey("budgets.id", ondelete="CASCADE"), primary_key=True)
    period_start: Mapped[datetime] = mapped_column(primary_key=True)
    spent: Mapped[Decimal] = mapped_column(Numeric(20, 10))
    reserved: Mapped[Decimal] = mapped_column(Numeric(20, 10))


class BudgetReservation(Base):
    """The most that a call can cost which is not in the ledger yet; see `infra.budgets.reservation`."""

    __tablename__ = "budget_reservations"

    tenant_id: Mapped[str] = mapped_column(primary_key=True)
    request_id: Mapped[str] = mapped_column(primary_key=True)
    attempt: Mapped[int] = mapped_column(primary_key=True)
    organisation_id: Mapped[str]
    key_id: Mapped[str | None]
    amount: Mapped[Decimal] = mapped_column(Numeric(20, 10))
    started_at: Mapped[datetime]
    expires_at: Mapped[datetime] = mapped_column(index=True)


class BudgetAlert(Base):
    """What is to be told of a budget, once a period, share and amount; due until `next_try_at` is null."""

    __tablename__ = "budget_alerts"

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    budget_id: Mapped[str] = mapped_column(ForeignKey("budgets.id", ondelete="CASCADE"))
    period_start: Mapped[datetime]
    event: Mapped[str]
    share: Mapped[Decimal] = mapped_column(Numeric(5, 4))
    amount_usd: Mapped[Decimal] = mapped_column(Numeric(20, 10))
    spent_usd: Mapped[Decimal] = mapped_column(Numeric(20, 10))
    at: Mapped[datetime] = mapped_column(server_default=func.now())
    tries: Mapped[int] = mapped_column(server_default="0")
    next_try_at: Mapped[datetime | None] = mapped_column(server_default=func.now(), index=True)
    delivered_at: Mapped[datetime | None]

    __table_args__ = (UniqueConstraint("budget_id", "period_start", "event", "share", "amount_usd"),)


class AccessVersion(Base):
    """One row: how many changes there were of organisations, tenants, keys, limits and budgets. Triggers count."""

    __tablename__ = "access_version"

    id: Mapped[int] = mapped_column(primary_key=True)
    version: Mapped[int]


class AuditEntry(Base):
    """One administrative change: who did what to which subject, and how that was before and after."""

    __tablename__ = "audit_log"

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    at: Mapped[datetime] = mapped_column(server_default=func.now())
    actor: Mapped[str]
    action: Mapped[str]
    kind: Mapped[str]
    subject_id: Mapped[str]
    before: Mapped[dict[str, Any] | None] = mapped_column(JSONB)
    after: Mapped[dict[str, Any] | None] = mapped_column(JSONB)

    __table_args__ = (Index("audit_log_by_subject", "kind", "subject_id", "id"),)


class StoredResponse(Base):
    """A response of OpenAI's Responses API, with the input that a later one goes on from."""

    __tablename__ = "responses"

    tenant_id: Mapped[str] = mapped_column(primary_key=True)
    id: Mapped[str] = mapped_column(primary_key=True)
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime] = mapped_column(index=True)
    sequence: Mapped[int]
    body: Mapped[bytes] = mapped_column(LargeBinary)


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
    trace_id: Mapped[str | None]
    recorded_at: Mapped[datetime] = mapped_column(server_default=func.now())

    # No index by time: within a day's partition the planner takes it for a look-up by request, 30 times as slow.
    __table_args__ = {"postgresql_partition_by": "RANGE (started_at)"}  # noqa: RUF012 - SQLAlchemy's


class _UsageSums:
    """What the ledger's rows of the same organisation, tenant, key, model, route and tags sum up to.

    `cell` is a hash of what they have in common. `calls` are the attempts, `requests` the first ones and those that
    the cache answered; `unpriced` the rows whose cost is not known; times are in microseconds and of calls alone,
    `first_tokens` counts the rows that have one.
    """

    tenant_id: Mapped[str] = mapped_column(primary_key=True)
    cell: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    organisation_id: Mapped[str]
    key_id: Mapped[str | None]
    model: Mapped[str]
    route: Mapped[str]
    tags: Mapped[dict[str, str]] = mapped_column(JSONB)
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
    cost_usd: Mapped[Decimal] = mapped_column(Numeric(20, 10))
    saved_usd: Mapped[Decimal] = mapped_column(Numeric(20, 10))


class UsageHour(_UsageSums, Base):
    """The sums of an hour (UTC)."""

    __tablename__ = "usage_hourly"

    hour: Mapped[datetime] = mapped_column(primary_key=True)

    __table_args__ = (Index("usage_hourly_by_hour", "hour"),)


class UsageDay(_UsageSums, Base):
    """The sums of a day (UTC): the hours' again, as a month of hours takes too long to add up."""

    __tablename__ = "usage_daily"

    day: Mapped[datetime] = mapped_column(primary_key=True)

    __table_args__ = (Index("usage_daily_by_day", "day"),)
