"""What was decided on the way to an answer, as events of the request's span."""

from collections.abc import Iterable

from infra.telemetry import names
from infra.telemetry.tracing import AttributeValue, Span
from workers.provider.breaker_watch import BreakerChange
from workers.provider.fleet import Grant
from workers.provider.health import Block
from workers.provider.plan import Option


def tell_grant(span: Span, grant: Grant, waited: float) -> None:
    """Which deployments were passed over for the one that is called, and how long it took to be let in, in seconds."""
    before = span.attributes.get(names.SLOT_WAIT_MS, 0.0)
    span.attributes[names.SLOT_WAIT_MS] = round(waited * 1000 + (before if isinstance(before, float) else 0.0), 3)
    if grant.skipped:
        skipped = [f"{block.option.deployment.name}: {block.obstacle.value}" for block in grant.skipped]
        span.attributes[names.SKIPPED] = skipped
        tell_blocks(span, grant.skipped, grant.began)
    if grant.probe:
        span.add_event(names.BREAKER_PROBED, _of(grant.option))


def tell_blocks(span: Span, blocks: Iterable[Block], now: float) -> None:
    """Each deployment that can't be called, why, and for how much longer where that is known."""
    for block in blocks:
        told = {**_of(block.option), names.OBSTACLE: block.obstacle.value}
        if block.until:
            told[names.OPEN_MS] = round(max(block.until - now, 0.0) * 1000)
        span.add_event(names.DEPLOYMENT_SKIPPED, told)


def tell_change(span: Span, option: Option, change: BreakerChange | None) -> None:
    """This request's call opened a breaker, or closed it."""
    if change is None:
        return
    if change.opening is None:
        span.add_event(names.BREAKER_CLOSED, _of(option))
    else:
        told = {names.REASON: change.opening.reason.value, names.OPEN_MS: round(change.seconds * 1000)}
        span.add_event(names.BREAKER_OPENED, {**_of(option), **told})


def tell_repeat(span: Span, attempt: int, pause: float, code: str) -> None:
    """A call has failed with this code, and another one follows after a pause, in seconds."""
    told: dict[str, AttributeValue] = {names.ATTEMPT: attempt, names.PAUSE_MS: round(pause * 1000, 3)}
    span.add_event(names.CALL_REPEATED, {**told, names.ERROR_TYPE: code})


def _of(option: Option) -> dict[str, AttributeValue]:
    return {names.DEPLOYMENT: option.deployment.name, names.GEN_AI_REQUEST_MODEL: option.model}
