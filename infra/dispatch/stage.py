"""What a stage is, and what the stages of a process share."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from contracts.errors import PenstockError
from infra.broker import Publisher
from infra.dispatch.capture import Capture
from infra.dispatch.courtesy import Courtesy
from infra.dispatch.in_flight import InFlight
from infra.dispatch.job import Identify, Job
from infra.dispatch.outcome import Outcome, Publication
from infra.streams import Subscription
from infra.telemetry.logs import Logger
from infra.telemetry.stage_metrics import StageMetrics
from infra.telemetry.tracing import Tracer

Handler = Callable[[Job], Awaitable[Outcome]]
GivenUp = Callable[[Job, PenstockError], Awaitable[None]]
Owed = Callable[[Job], Awaitable[tuple[Publication, ...]]]


@dataclass(frozen=True, slots=True)
class StageSpec:
    """What the core needs to know of a stage.

    `template` is the subject that it consumes, as `contracts.registry.template_of` gives it. `terminal`: a request
    that fails here is over, and gets its `failed` message; else (bookkeeping) the message goes to the dead letter.
    `owed` gives what is stored beside that `failed`: records that an earlier delivery did not live to store.
    `given_up` is told of a bookkeeping message before it goes to the dead letter. `endless`: a message lasts for as
    long as it lasts, is handed back at once when the process stops, and may be delivered any number of times.
    `gives_way`: its bulk work is the processor's, and there is less of it at once while people search.
    """

    name: str
    template: str
    identify: Identify
    concurrency: int
    terminal: bool = True
    owed: Owed | None = None
    given_up: GivenUp | None = None
    endless: bool = False
    gives_way: bool = False


@dataclass(frozen=True, slots=True)
class Stage:
    """A spec, the handler that does the work, and the durables it reads."""

    spec: StageSpec
    handler: Handler
    subscriptions: tuple[Subscription, ...]


@dataclass(frozen=True, slots=True)
class DispatchTools:
    """What a dispatcher works with."""

    publisher: Publisher
    tracer: Tracer
    metrics: StageMetrics
    log: Logger
    in_flight: InFlight
    max_deliveries: int
    courtesy: Courtesy = field(default_factory=Courtesy)
    capture: Capture | None = None
