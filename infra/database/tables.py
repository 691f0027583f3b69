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
    text,
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
    cached: Mapped[bool] = mapped_column(server_default=text("true"))
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
