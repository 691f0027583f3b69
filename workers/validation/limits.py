"""What passes of a key, a tenant and a model: everything that is counted of a request, once it is known to be one."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

import orjson

from contracts import envelope
from contracts.apis.limits import max_output_tokens, prompt_tokens
from contracts.errors import ErrorCode, PenstockError
from contracts.inference import ANTHROPIC_COUNT_TOKENS
from contracts.limits import Counted
from infra.access.policy import ANY_MODEL, Limit
from infra.dispatch.job import Job
from infra.limits.ahead import Ahead
from infra.limits.counted import Asked, Entry, Full, Kind, Standing, counter_name, unpacked
from infra.limits.leases import Leases, Scope
from infra.telemetry import names
from workers.validation.validate import STAGE

_MINUTE, _CONCURRENT = "places", "concurrent"
_MARGIN = timedelta(seconds=60)
"""What still happens to a request after its deadline takes no longer."""


class LimitedError(PenstockError):
    """A limit does not let the request pass. Where it may later, its caller tries again, and not this stage."""

    def __init__(self, message: str, *, retryable: bool = True, retry_after: float | None = None) -> None:
        super().__init__(ErrorCode.RATE_LIMITED, message, stage=STAGE, retryable=retryable, retry_after=retry_after)


class Limiter:
    """Counts requests against their limits."""

    def __init__(self, windows: Ahead, leases: Leases) -> None:
        self._windows = windows
        self._leases = leases

    async def count(self, job: Job, limits: Sequence[Limit], tokens: int, deadline: datetime) -> None:
        """Count it, and write into the job's envelope what is to be given back, and what room there is.

        Raises `LimitedError`, after which it is not counted, or `PenstockError` (`pipeline_unavailable`, retryable):
        a message that is handled again counts once.
        """
        asked, of = _asked(limits, tokens)
        _require_possible(asked, of)
        entries: tuple[Entry, ...] = ()
        if asked:
            found = await self._windows.count(asked, _key(job))
            standings = found.standings
            job.headers = {**job.headers, envelope.ROOMS: rooms_of(asked, standings)}
            if isinstance(found, Full):
                raise _refused(asked, of, found)
            room = min(standing.remaining for standing in standings if standing is not None)
            job.span.add_event(names.LIMITER_COUNTED, {names.LIMITS: len(asked), names.ROOM: room})
            entries = found.entries
        leased = await self._lease(job, limits, deadline, entries)
        counters = [entry.subject for entry in entries if unpacked(Kind.TOKENS, entry.amount)]
        if counters or leased:
            counted = Counted.header(tokens if counters else 0, counters, lease=leased)
            job.headers = {**job.headers, envelope.COUNTED: counted}

    async def _lease(self, job: Job, limits: Iterable[Limit], deadline: datetime, entries: Iterable[Entry]) -> bool:
        limited = [limit for limit in limits if limit.concurrent_requests is not None]
        if not limited:
            return False
        scopes = [Scope(_name(_CONCURRENT, limit), limit.concurrent_requests or 0) for limit in limited]
        full = await self._leases.open(job.tenant, job.request_id, scopes, deadline + _MARGIN)
        if full is None:
            return True
        await self._windows.take_back(_key(job), entries)
        most, whose = limited[full].concurrent_requests, whose_of(limited[full])
        message = f"{whose} limit of {most} open requests is reached: try again when one of them has been answered"
        raise LimitedError(message)


def tokens_of(api: str, request: dict[str, Any]) -> int:
    """What a request is counted as until it is known what it took: its prompt by its length, and the longest answer
    that it allows, where it names one, as OpenAI counts (https://platform.openai.com/docs/guides/rate-limits).

    0 for one that counts tokens: no provider charges for it.
    """
    return 0 if api == ANTHROPIC_COUNT_TOKENS else prompt_tokens(api, request) + (max_output_tokens(api, request) or 0)


def rooms_of(asked: Sequence[Asked], standings: Sequence[Standing | None]) -> str:
    """A `Rooms` as JSON, of the limits of each kind the one with the least room. No model is made: requests wait."""
    tightest: dict[str, Standing] = {}
    for one, standing in zip(asked, standings, strict=True):
        found = tightest.get(one.kind.value)
        if standing is not None and (found is None or standing.remaining < found.remaining):
            tightest[one.kind.value] = standing
    return orjson.dumps(tightest).decode()


def whose_of(limit: Limit) -> str:
    """Whose limit it is, for a sentence."""
    whose = f"the model «{limit.subject[:128]}»'s" if limit.kind == "model" else f"this {limit.kind}'s"
    return whose if limit.model == ANY_MODEL else f"{whose} «{limit.model[:128]}»"


def _asked(limits: Iterable[Limit], tokens: int) -> tuple[list[Asked], list[Limit]]:
    """What is to pass which windows, and of which limits they are."""
    found = [
        (Asked(_name(_MINUTE, limit), kind, amount, most), limit)
        for limit in limits
        for kind, amount, most in (
            (Kind.REQUESTS, 1, limit.requests_per_minute),
            (Kind.TOKENS, tokens, limit.tokens_per_minute),
        )
        if most is not None and amount
    ]
    return [asked for asked, _ in found], [limit for _, limit in found]


def _require_possible(asked: Iterable[Asked], of: Iterable[Limit]) -> None:
    for one, limit in zip(asked, of, strict=True):
        if one.amount > one.limit:
            may = f"the request may take {one.amount} tokens"
            message = f"{may}: more than {whose_of(limit)} limit of {one.limit} tokens a minute"
            raise LimitedError(message, retryable=False)


def _refused(asked: Sequence[Asked], of: Sequence[Limit], found: Full) -> LimitedError:
    """The sentence names one of the limits that are reached."""
    place = min(found.refused, default=0)
    one = asked[place]
    more = f", and {one.amount} more were asked for" if one.kind is Kind.TOKENS else ""
    reached = f"{whose_of(of[place])} limit of {one.limit} {one.kind} a minute is reached{more}"
    return LimitedError(f"{reached}: try again in {found.seconds:.1f} s", retry_after=found.seconds)


def _key(job: Job) -> str:
    return f"{job.tenant}.{job.request_id}.limits"


def _name(kind: str, limit: Limit) -> str:
    return counter_name(kind, f"{limit.kind} {limit.subject} {limit.model}")
