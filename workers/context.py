"""What a worker is built from, and what it is: the edge between the bootstrap and each `worker.py`."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from prometheus_client import CollectorRegistry

from infra.access.policies import Policies
from infra.broker import Connection, Publisher
from infra.catalog import CatalogSource
from infra.dispatch.courtesy import Courtesy
from infra.dispatch.stage import Stage
from infra.settings import Settings
from infra.streams import Subscription
from infra.telemetry.labels import Capped
from infra.telemetry.logs import Logger
from infra.telemetry.tracing import Tracer
from workers.local_models import LocalModels


@dataclass(frozen=True, slots=True)
class WorkerContext:
    """Everything that a worker may need; it takes what it uses and nothing from elsewhere."""

    settings: Settings
    catalog: CatalogSource
    connection: Connection
    publisher: Publisher
    tracer: Tracer
    registry: CollectorRegistry
    tenants: Capped
    log: Logger
    subscriptions: dict[str, tuple[Subscription, ...]]
    local_models: LocalModels
    courtesy: Courtesy
    policies: Policies


async def _nothing() -> None:
    return


@dataclass(frozen=True, slots=True)
class Worker:
    """The stages of one worker, and what has to be opened before them and closed after.

    `interrupt` is called when the process is to stop, while what is in hand is waited for: what itself waits for others
    is to give up then. `wanted`, of a worker whose stages follow the catalogue, says which it should have now; `stages`
    are its first ones. It raises `nats.errors.Error` where it can't tell.
    """

    stages: tuple[Stage, ...]
    open: Callable[[], Awaitable[None]] = _nothing
    close: Callable[[], Awaitable[None]] = _nothing
    wanted: Callable[[], Awaitable[tuple[Stage, ...]]] | None = None
    interrupt: Callable[[], Awaitable[None]] = _nothing
