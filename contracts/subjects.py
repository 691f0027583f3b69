"""Subjects, lanes and the names that may stand in them. DESIGN's table, as functions."""

import re
from enum import StrEnum

from contracts.errors import ContractError

ROOT = "penstock.v1"
INGRESS_ID_LENGTH = 8
"""An ingress puts its own id in front of each request id, so that the server can route a result back to it."""

_TOKEN = re.compile(r"[A-Za-z0-9_-]{1,128}")


class Lane(StrEnum):
    """Bulk work never stands in front of a person."""

    INTERACTIVE = "interactive"
    BATCH = "batch"


def is_token(value: str) -> bool:
    """Whether `value` can be a subject token: 1 to 128 of A-Z a-z 0-9 _ -."""
    return _TOKEN.fullmatch(value) is not None


def require_token(value: str, what: str, *, stage: str) -> str:
    """Return `value`, or raise `ContractError` naming `what` where it can't be a subject token."""
    if is_token(value):
        return value
    raise ContractError(f"{what} must be 1 to 128 letters, digits, '-' or '_'", stage=stage, param=what)


def requested(lane: str, tenant: str) -> str:
    """Where a prompt enters the pipeline."""
    return f"{ROOT}.inference.requested.{lane}.{tenant}"


def validated(lane: str, tenant: str) -> str:
    """Prompts that are well formed."""
    return f"{ROOT}.inference.validated.{lane}.{tenant}"


def uncached(lane: str, tenant: str) -> str:
    """Prompts that no cache answers."""
    return f"{ROOT}.inference.uncached.{lane}.{tenant}"


def routed(lane: str, provider: str) -> str:
    """Prompts with their deployments chosen."""
    return f"{ROOT}.inference.routed.{lane}.{provider}"


def waiting(lane: str, tenant: str, key: str) -> str:
    """Prompts that another one's answer will do for; `key` is their cache entry's."""
    return f"{ROOT}.inference.waiting.{lane}.{tenant}.{key}"


def ungrounded(lane: str, tenant: str) -> str:
    """Prompts that documents have to be looked up for."""
    return f"{ROOT}.inference.ungrounded.{lane}.{tenant}"


def completed(lane: str, tenant: str, request_id: str) -> str:
    """The terminal message of a request that was answered."""
    return f"{ROOT}.inference.completed.{lane}.{tenant}.{request_id}"


def failed(lane: str, tenant: str, request_id: str) -> str:
    """The terminal message of a request that was not."""
    return f"{ROOT}.inference.failed.{lane}.{tenant}.{request_id}"


def terminal(lane: str, tenant: str, request_id: str) -> str:
    """Both terminal subjects of one request; it never holds more than one message."""
    return f"{ROOT}.inference.*.{lane}.{tenant}.{request_id}"


def attempted(tenant: str, request_id: str) -> str:
    """The journal of provider calls: written before money is spent, read only after a crash."""
    return f"{ROOT}.inference.attempted.{tenant}.{request_id}"


def delta(ingress: str, request_id: str) -> str:
    """The token stream of one request (core NATS, not stored)."""
    return f"{ROOT}.inference.delta.{ingress}.{request_id}"


def result(ingress: str, request_id: str) -> str:
    """Where the server republishes a stored terminal message for the ingress that waits for it.

    `request_id` starts with the ingress id; the subject carries the two apart.
    """
    return f"{ROOT}.inference.result.{ingress}.{request_id.removeprefix(ingress)}"


def cancel(request_id: str) -> str:
    """The caller went away (core NATS, not stored)."""
    return f"{ROOT}.inference.cancel.{request_id}"


def cancel_of(tenant: str, request_id: str) -> str:
    """The same, said by a tenant: it stops that tenant's request and no other of the same id."""
    return f"{ROOT}.inference.cancel.{tenant}.{request_id}"


def joined(tenant: str, request_id: str) -> str:
    """Somebody would hear the stream of this request too (core NATS, not stored)."""
    return f"{ROOT}.provider.joined.{tenant}.{request_id}"


def usage_recorded(tenant: str) -> str:
    """One provider attempt, for the ledger."""
    return f"{ROOT}.usage.recorded.{tenant}"


def limits_released(tenant: str) -> str:
    """A request that counted against limits has ended."""
    return f"{ROOT}.limits.released.{tenant}"


def places_recalled() -> str:
    """Where processes are asked to hand back places that they have taken ahead (core NATS, not stored)."""
    return f"{ROOT}.limits.recalled"


def advances_recalled() -> str:
    """Where processes are asked to hand back money that they have set aside (core NATS, not stored)."""
    return f"{ROOT}.budgets.recalled"


def cache_entry(tenant: str, key: str) -> str:
    """One stored answer; the latest message of the subject is the entry, or who is making it (`envelope.LEADER`)."""
    return f"{ROOT}.cache.stored.{tenant}.{key}"


def response_stored(tenant: str, request_id: str) -> str:
    """One stored response; the latest message of the subject counts."""
    return f"{ROOT}.response.stored.{tenant}.{request_id}"


def submitted(lane: str, tenant: str) -> str:
    """Where a document enters the pipeline."""
    return f"{ROOT}.documents.submitted.{lane}.{tenant}"


def chunked(lane: str, pool: str) -> str:
    """Documents in pieces. `pool` is who embeds them: `local`, or a provider of the catalogue."""
    return f"{ROOT}.documents.chunked.{lane}.{pool}"


def embedded(lane: str, tenant: str) -> str:
    """Documents whose pieces have vectors."""
    return f"{ROOT}.documents.embedded.{lane}.{tenant}"


def indexed(lane: str, tenant: str, submission_id: str) -> str:
    """A document can be found."""
    return f"{ROOT}.documents.indexed.{lane}.{tenant}.{submission_id}"


def document_failed(lane: str, tenant: str, submission_id: str) -> str:
    """A document can't be indexed."""
    return f"{ROOT}.documents.failed.{lane}.{tenant}.{submission_id}"


def reindex(event: str, tenant: str, job_id: str) -> str:
    """`event` is requested, progressed or completed."""
    return f"{ROOT}.reindex.{event}.{tenant}.{job_id}"


def retrieval_requested(tenant: str) -> str:
    """A search (core NATS: request and reply)."""
    return f"{ROOT}.retrieval.requested.{tenant}"


def closeness_requested(tenant: str) -> str:
    """How close texts are to confidential stores (core NATS: request and reply)."""
    return f"{ROOT}.closeness.requested.{tenant}"


def evaluation_requested(tenant: str) -> str:
    """A measurement of a store's versions (core NATS: request and reply)."""
    return f"{ROOT}.evaluation.requested.{tenant}"


def counter(name: str) -> str:
    """A number that all processes count up together; `name` is one or more tokens."""
    return f"{ROOT}.counter.{name}"


def breaker(key: str) -> str:
    """Where the server republishes what a provider worker has found out about a deployment."""
    return f"{ROOT}.breaker.{key}"


def access_changed() -> str:
    """Where the server republishes that an administrator has changed something: what is remembered is forgotten."""
    return f"{ROOT}.access.changed"


def logins_failed() -> str:
    """Where API processes tell each other of keys that were not let in (core NATS, not stored)."""
    return f"{ROOT}.access.logins_failed"


def traces_kept() -> str:
    """Ids of traces, 16 bytes each, that are kept whatever the ratio (core NATS, not stored)."""
    return f"{ROOT}.traces.kept"


def readers_asked() -> str:
    """Each worker process answers with the names of the consumers that it reads (core NATS, request and replies)."""
    return f"{ROOT}.readers.asked"


def deadletter(stage: str) -> str:
    """Messages that a stage gave up on."""
    return f"{ROOT}.deadletter.{stage}"


def lane_and_tail(subject: str) -> tuple[str, str]:
    """Split `penstock.v1.<flow>.<event>.<lane>.<tail...>` into lane and tail (tenant or provider).

    Raises `ContractError` for a subject of another shape.
    """
    parts = subject.split(".", 6)
    if len(parts) < 6 or parts[4] not in Lane._value2member_map_:
        raise ContractError(f"«{subject}» is no pipeline subject", stage="dispatch")
    return parts[4], parts[5]
