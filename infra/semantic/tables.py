"""The semantic cache's tables, as SQLAlchemy models."""

from datetime import datetime
from typing import Any

from pgvector.sqlalchemy import HALFVEC
from sqlalchemy import ARRAY, Double, Identity, LargeBinary, UniqueConstraint, func
from sqlalchemy.orm import Mapped, mapped_column

from infra.database.tables import Base


class SemanticEntry(Base):
    """A question, by its vector and facts, and its answer, by its key in the exact cache and by what is compared.

    `cluster` is the id of one entry of those with the same answer. `right` and `wrong` count what was found when it
    was proposed.
    """

    __tablename__ = "semantic_entries"

    id: Mapped[int] = mapped_column(Identity(always=True), primary_key=True)
    tenant_id: Mapped[str]
    request_id: Mapped[str]
    scope: Mapped[bytes] = mapped_column(LargeBinary)
    facts: Mapped[str]
    embedding: Mapped[Any] = mapped_column(HALFVEC(256))
    cluster: Mapped[int | None]
    cache_key: Mapped[str]
    answer_sha256: Mapped[bytes] = mapped_column(LargeBinary)
    answer_facts: Mapped[bytes] = mapped_column(LargeBinary)
    answer_embedding: Mapped[Any] = mapped_column(HALFVEC(256))
    right: Mapped[int] = mapped_column(server_default="0")
    wrong: Mapped[int] = mapped_column(server_default="0")
    expires_at: Mapped[datetime]

    __table_args__ = (UniqueConstraint("tenant_id", "request_id"),)


class SemanticOutcome(Base):
    """What was proposed for a request. `right` is null for a hit that nobody has looked at."""

    __tablename__ = "semantic_outcomes"

    tenant_id: Mapped[str] = mapped_column(primary_key=True)
    request_id: Mapped[str] = mapped_column(primary_key=True)
    question_group: Mapped[bytes] = mapped_column(LargeBinary)
    entry_id: Mapped[int]
    evidence: Mapped[list[float]] = mapped_column(ARRAY(Double))
    right: Mapped[bool | None]
    hit: Mapped[bool]
    at: Mapped[datetime] = mapped_column(server_default=func.now())


class SemanticRule(Base):
    """What a group's outcomes have taught; of `known`, `new` have come since."""

    __tablename__ = "semantic_rules"

    tenant_id: Mapped[str] = mapped_column(primary_key=True)
    question_group: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    model: Mapped[str]
    target: Mapped[float] = mapped_column(Double)
    weights: Mapped[list[float]] = mapped_column(ARRAY(Double), server_default="{}")
    threshold: Mapped[float | None] = mapped_column(Double)
    seen: Mapped[int] = mapped_column(server_default="0")
    wrong: Mapped[int] = mapped_column(server_default="0")
    new: Mapped[int] = mapped_column(server_default="0")
    known: Mapped[int] = mapped_column(server_default="0")
    bound: Mapped[float] = mapped_column(Double, server_default="1")
    watchful: Mapped[bool]
    learnt_at: Mapped[datetime] = mapped_column(server_default=func.now())
