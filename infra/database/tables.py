"""The tables, as SQLAlchemy models. Migrations make them; nothing else does."""

from datetime import datetime
from decimal import Decimal

from sqlalchemy import ARRAY, BigInteger, DateTime, ForeignKey, Index, LargeBinary, Numeric, Text, func
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column


class Base(DeclarativeBase):
    """All tables."""

    type_annotation_map = {str: Text, datetime: DateTime(timezone=True), int: BigInteger}  # noqa: RUF012 - SQLAlchemy's


class Tenant(Base):
    """A team: whose requests, whose money."""

    __tablename__ = "tenants"

    id: Mapped[str] = mapped_column(primary_key=True)
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())


class ApiKey(Base):
    """A key, without its secret: only the SHA-256 of that is stored."""

    __tablename__ = "api_keys"

    id: Mapped[str] = mapped_column(primary_key=True)
    tenant_id: Mapped[str] = mapped_column(ForeignKey("tenants.id"))
    secret_sha256: Mapped[bytes] = mapped_column(LargeBinary)
    name: Mapped[str]
    scopes: Mapped[list[str]] = mapped_column(ARRAY(Text))
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    expires_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]


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
