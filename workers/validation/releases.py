"""What a request counted as is given back when it has ended: `limits.released` in, nothing out."""

import asyncio

from contracts.limits import LimitsReleased
from contracts.registry import template_of
from infra.dispatch.contract import read_contract
from infra.dispatch.ending import correction_id
from infra.dispatch.job import Job, identify_laneless
from infra.dispatch.outcome import Outcome
from infra.dispatch.stage import Stage, StageSpec
from infra.limits.leases import Leases
from infra.limits.windows import Windows
from infra.streams import Subscription

_STAGE = "limits"


def release_stage(windows: Windows, leases: Leases, subscriptions: tuple[Subscription, ...], concurrency: int) -> Stage:
    """The stage. All that it does may be done again: it waits while counters or database are away."""

    async def handle(job: Job) -> Outcome:
        ended = read_contract(LimitsReleased, job.body, what="limits.released", stage=_STAGE)
        more = ended.tokens - ended.counted.tokens
        ids = {counter: correction_id(job.tenant, ended.request_id, counter) for counter in ended.counted.counters}
        await asyncio.gather(*(windows.correct(counter, more, id_) for counter, id_ in ids.items()))
        if ended.counted.lease:
            await leases.close(job.tenant, ended.request_id)
        return Outcome("released")

    spec = StageSpec(_STAGE, template_of("limits.released"), identify_laneless, concurrency, terminal=False)
    return Stage(spec, handle, subscriptions)
