"""The table of open requests, as a SQLAlchemy model."""

from datetime import datetime

from sqlalchemy import Index, text, true
from sqlalchemy.orm import Mapped, mapped_column

from infra.database.tables import Base


class OpenRequest(Base):
    """A request that is open, in a scope whose limit counts those: see `infra.limits.leases`."""

    __tablename__ = "open_requests"

    tenant_id: Mapped[str] = mapped_column(primary_key=True)
    request_id: Mapped[str] = mapped_column(primary_key=True)
    scope: Mapped[str] = mapped_column(primary_key=True)
    open: Mapped[bool] = mapped_column(server_default=true())
    expires_at: Mapped[datetime] = mapped_column(index=True)

    __table_args__ = (Index("open_requests_by_scope", "scope", postgresql_where=text("open")),)
