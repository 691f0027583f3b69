"""What the endpoints of one ingress process share."""

from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncEngine

from api.auth import Authenticator
from api.inbox import Inbox
from infra.broker import Connection, Publisher
from infra.catalog import CatalogSource
from infra.nats_auth.operator import Operator
from infra.settings import Settings
from infra.telemetry.logs import Logger
from infra.telemetry.metrics import ApiMetrics
from infra.telemetry.tracing import Tracer


@dataclass(frozen=True, slots=True)
class Gateway:
    """Composed in `api.bootstrap`, and nowhere else. `documents` is the pool for documents, stores and files: a large
    one that is written keeps nobody's key from being checked. `operator` signs tenants' NATS credentials, where this
    process has its seed.
    """

    settings: Settings
    catalog: CatalogSource
    connection: Connection
    publisher: Publisher
    inbox: Inbox
    authenticator: Authenticator
    documents: AsyncEngine
    operator: Operator | None
    tracer: Tracer
    metrics: ApiMetrics
    log: Logger
