"""What a tenant of NATS may do, and nothing else: publish at its own doors, read what became of it (ADR 0017).

Each door is exported by Penstock's account, for those with a token for one subject, and imported by the tenant's. The
tenant's part of a subject is a token of its own, so no wildcard of a client reaches past it.
"""

from dataclasses import dataclass

from contracts import subjects
from contracts.subjects import Lane
from infra.streams.names import ENDED, REINDEX, RESULTS, RESULTS_ASYNC

_MINUTE = 60 * 10**9
_ANY = "*"


@dataclass(frozen=True, slots=True)
class Door:
    """One subject of Penstock's account. `service`: requests go in, and only their answers come out; else what is
    published there comes out.

    `local` is what the tenant calls it, where that is something else. `patience` is how long an answer may take, in ns.
    """

    subject: str
    service: bool
    local: str | None = None
    patience: int = _MINUTE

    @property
    def kind(self) -> str:
        """As tokens call it."""
        return "service" if self.service else "stream"


def doors(tenant: str) -> list[Door]:
    """Every door of one tenant; of `*`, what Penstock exports."""
    lanes = [lane.value for lane in Lane]
    asked = [event(lane, tenant) for event in (subjects.requested, subjects.submitted) for lane in lanes]
    told = [
        subjects.completed(_ANY, tenant, _ANY),
        subjects.failed(_ANY, tenant, _ANY),
        subjects.delta(tenant, _ANY),
        subjects.indexed(_ANY, tenant, _ANY),
        subjects.document_failed(_ANY, tenant, _ANY),
        subjects.reindex("progressed", tenant, _ANY),
        subjects.reindex("completed", tenant, _ANY),
        subjects.usage_recorded(tenant),
    ]
    return [
        *(Door(subject, service=True) for subject in asked),
        Door(subjects.reindex("requested", tenant, _ANY), service=True),
        Door(subjects.retrieval_requested(tenant), service=True),
        Door(subjects.evaluation_requested(tenant), service=True, patience=10 * _MINUTE),
        Door(subjects.cancel_of(tenant, _ANY), service=True, local=subjects.cancel(_ANY)),
        *(Door(f"$JS.API.DIRECT.GET.{stream}.{kept}", service=True) for stream, kept in _kept(tenant)),
        *(Door(subject, service=False) for subject in told),
    ]


def _kept(tenant: str) -> list[tuple[str, str]]:
    """Streams, and what is a tenant's in them. A message is asked for by its subject, which the server compares."""
    return [
        (RESULTS, subjects.terminal(Lane.INTERACTIVE, tenant, _ANY)),
        (RESULTS_ASYNC, subjects.terminal(Lane.BATCH, tenant, _ANY)),
        *((ENDED, event(_ANY, tenant, _ANY)) for event in (subjects.indexed, subjects.document_failed)),
        *((REINDEX, subjects.reindex(event, tenant, _ANY)) for event in ("progressed", "completed")),
    ]
