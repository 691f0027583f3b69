"""What a request is told for which no deployment may be called."""

from collections.abc import Sequence

from contracts.errors import ErrorCode, PenstockError
from workers.provider.calls import STAGE
from workers.provider.health import Block, Obstacle
from workers.provider.plan import Option


class NothingToCallError(PenstockError):
    """No call was made, because none may be made now; `blocks` is what stands in the way of each option."""

    blocks: Sequence[Block] = ()


class CannotBeAskedError(NothingToCallError):
    """The provider can't be asked for what the caller wants: no call was made of it."""

    def __init__(self, error: PenstockError, option: Option) -> None:
        super().__init__(error.code, error.message, stage=error.stage, param=error.param)
        self.option = option


def nothing_to_call(blocks: Sequence[Block], now: float) -> NothingToCallError:
    """One error out of what stands in the way of each option: the one that is over first, or that only time mends."""
    error = _what_to_say(blocks, now)
    error.blocks = tuple(blocks)
    return error


def _what_to_say(blocks: Sequence[Block], now: float) -> NothingToCallError:
    found = {block.obstacle for block in blocks}
    if Obstacle.BUSY in found:
        return _error(ErrorCode.OVERLOADED, "every deployment of this model has all the calls open that it may have")
    untils = [block.until for block in blocks if block.until]
    after = max(min(untils) - now, 0.0) if untils else None
    if Obstacle.LIMITED in found:
        return _error(ErrorCode.RATE_LIMITED, "every deployment of this model is at its rate limit", after)
    if found == {Obstacle.REFUSED}:
        provider = blocks[0].option.deployment.provider
        return _error(ErrorCode.PROVIDER_ERROR, f"the provider {provider} refused our credentials", after)
    return _error(ErrorCode.PROVIDER_UNAVAILABLE, "no deployment of this model answers at the moment", after)


def _error(code: ErrorCode, message: str, retry_after: float | None = None) -> NothingToCallError:
    return NothingToCallError(code, message, stage=STAGE, retryable=True, retry_after=retry_after)
