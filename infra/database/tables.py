"""The tables, as SQLAlchemy models. Migrations make them; nothing else does."""

from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import (
    ARRAY,
    BigInteger,
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
    """The ledger: one row an attempt. Cost is null where no price is known; it is never 0 for that reason."""

    __tablename__ = "usage"

    tenant_id: Mapped[str] = mapped_column(primary_key=True)
    request_id: Mapped[str] = mapped_column(primary_key=True)
    attempt: Mapped[int] = mapped_column(primary_key=True)
    message_id: Mapped[str] = mapped_column(unique=True)
    key_id: Mapped[str | None]
    lane: Mapped[str]
    api: Mapped[str]
    model: Mapped[str]
    deployment: Mapped[str]
    provider: Mapped[str]
    provider_model: Mapped[str]
    status: Mapped[str]
    error_code: Mapped[str | None]
    input_tokens: Mapped[int]
    output_tokens: Mapped[int]
    cached_input_tokens: Mapped[int]
    reasoning_tokens: Mapped[int]
    estimated: Mapped[bool]
    cost_usd: Mapped[Decimal | None] = mapped_column(Numeric(20, 10))
    idempotency_key: Mapped[str]
    stream: Mapped[bool]
    started_at: Mapped[datetime]
    latency_ms: Mapped[float]
    first_token_ms: Mapped[float | None]
    trace_id: Mapped[str | None]
    recorded_at: Mapped[datetime] = mapped_column(server_default=func.now())

    __table_args__ = (Index("usage_by_tenant_and_time", "tenant_id", "started_at"),)
