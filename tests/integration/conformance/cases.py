"""Every worker as the conformance suite sees it: one message that it consumes, and what must come of it."""

from collections.abc import Mapping
from dataclasses import dataclass

from contracts.registry import template_of
from contracts.subjects import Lane
from infra.streams import (
    CACHE,
    CHUNKED,
    EMBEDDED,
    ENDED,
    LOCAL_POOL,
    REQUESTED,
    RESPONSES,
    RESULTS,
    RESULTS_ASYNC,
    ROUTED,
    SUBMITTED,
    UNCACHED,
    UNGROUNDED,
    USAGE,
    VALIDATED,
    WAITING,
)
from tests.support.simulator import OPENAI

_STREAMS = {
    "inference.requested": REQUESTED,
    "inference.ungrounded": UNGROUNDED,
    "inference.validated": VALIDATED,
    "inference.uncached": UNCACHED,
    "inference.waiting": WAITING,
    "inference.routed": ROUTED,
    "inference.completed": RESULTS,
    "usage.recorded": USAGE,
    "cache.stored": CACHE,
    "response.stored": RESPONSES,
    "documents.submitted": SUBMITTED,
    "documents.chunked": CHUNKED,
    "documents.embedded": EMBEDDED,
    "documents.indexed": ENDED,
    "documents.failed": ENDED,
}


def stream_of(event: str, lane: Lane = Lane.INTERACTIVE) -> str:
    """The stream that holds an event."""
    return RESULTS_ASYNC if event == "inference.completed" and lane is Lane.BATCH else _STREAMS[event]


@dataclass(frozen=True, slots=True)
class Case:
    """One message's way through one worker.

    `consumes` is the event that is given to it; `produces` are the events that must be stored, each once, and `row`
    stands for one in the worker's own table. The first of them is the one that carries the request on. `ends_request`:
    a request that fails here gets its `failed`. `sends`: the output has a send span of its own, as somebody goes on
    with it. `stage` is its own name, the worker's where that is not said. `endless`: its messages only wait, so
    it takes all there are at once and gives none up before its deadline.
    """

    name: str
    worker: str
    consumes: str
    produces: tuple[str, ...]
    durable: str
    ends_request: bool = True
    lanes: bool = True
    sends: bool = True
    cached: bool = False
    stage: str = ""
    endless: bool = False

    def __post_init__(self) -> None:
        if not self.stage:
            object.__setattr__(self, "stage", self.worker)

    @property
    def of_documents(self) -> bool:
        """A stage of the document flow: what it gives up on is a dead letter and a failed document."""
        return self.consumes.startswith("documents.")

    @property
    def template(self) -> str:
        """The subject template of what it consumes."""
        return template_of(self.consumes)

    def stream(self, lane: Lane = Lane.INTERACTIVE) -> str:
        """The stream of what it consumes."""
        return stream_of(self.consumes, lane)

    def durable_of(self, lane: Lane = Lane.INTERACTIVE) -> str:
        """The durable through which it consumes."""
        return f"{self.durable}-{lane}" if self.lanes else self.durable

    @property
    def durables(self) -> Mapping[str, str]:
        """All its durables, and the stream of each."""
        return {self.durable_of(lane): self.stream(lane) for lane in Lane}


CASES = (
    Case("validation", "validation", "inference.requested", ("inference.validated",), "validation"),
    Case("grounding", "retrieval", "inference.ungrounded", ("inference.validated",), "retrieval"),
    Case("cache-miss", "cache", "inference.validated", ("inference.uncached",), "cache"),
    Case(
        "waiting",
        "cache",
        "inference.waiting",
        ("inference.completed", "usage.recorded"),
        "waiting",
        cached=True,
        stage="waiting",
        endless=True,
    ),
    Case("cache-hit", "cache", "inference.validated", ("inference.completed", "usage.recorded"), "cache", cached=True),
    Case(
        "cache-fill",
        "cache",
        "inference.completed",
        ("cache.stored",),
        "cache-fill",
        ends_request=False,
        sends=False,
    ),
    Case("routing", "routing", "inference.uncached", ("inference.routed",), "routing"),
    Case("provider", "provider", "inference.routed", ("inference.completed", "usage.recorded"), f"provider-{OPENAI}"),
    Case("ledger", "ledger", "usage.recorded", ("row",), "ledger", ends_request=False, lanes=False, sends=False),
    Case(
        "responses", "responses", "response.stored", ("row",), "responses", ends_request=False, lanes=False, sends=False
    ),
    Case("chunking", "chunking", "documents.submitted", ("documents.chunked",), "chunking", ends_request=False),
    Case(
        "embedding",
        "embedding",
        "documents.chunked",
        ("documents.embedded",),
        f"embedding-{LOCAL_POOL}",
        ends_request=False,
    ),
    Case(
        "indexing",
        "indexing",
        "documents.embedded",
        ("documents.indexed",),
        "indexing",
        ends_request=False,
        sends=False,
    ),
)
GIVING_UP = tuple(case for case in CASES if not case.endless)
BY_NAME = {case.name: case for case in CASES}
