"""What every re-index of a process works with."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from nats.aio.client import Client
from nats.js import JetStreamContext
from sqlalchemy.ext.asyncio import AsyncEngine

from infra.dispatch.emit import Emitter
from infra.index.documents import Documents
from infra.index.jobs import ReindexJobs
from infra.index.stores import Stores
from infra.index.versions import IndexVersions
from infra.telemetry.logs import Logger
from workers.embedders import ModelSpec

Describe = Callable[[str, str], Awaitable[ModelSpec]]
"""From a tenant and a model's name to what the model is. Raises `PenstockError`."""


@dataclass(frozen=True, slots=True)
class Pace:
    """Seconds: between two looks at a re-index, between two things told of it, for the first answer of who measures,
    and between two tries to switch.
    """

    look: float = 0.25
    tell: float = 1.0
    measure: float = 60.0
    switch: float = 0.1


@dataclass(frozen=True, slots=True)
class Tools:
    """Composed in `workers.reindex.worker`, and nowhere else."""

    engine: AsyncEngine
    client: Client
    js: JetStreamContext
    emitter: Emitter
    describe: Describe
    log: Logger
    pace: Pace = field(default_factory=Pace)

    @property
    def jobs(self) -> ReindexJobs:
        """The rows of re-indexes."""
        return ReindexJobs(self.engine)

    @property
    def versions(self) -> IndexVersions:
        """The versions of stores."""
        return IndexVersions(self.engine)

    @property
    def stores(self) -> Stores:
        """The stores."""
        return Stores(self.engine)

    @property
    def documents(self) -> Documents:
        """Their documents."""
        return Documents(self.engine)
