"""What a handler raised that is no `PenstockError`."""

import nats.errors
from nats.js.errors import NoStreamResponseError, ServiceUnavailableError

from contracts.errors import ErrorCode, PenstockError
from infra.telemetry.logs import Logger

_AWAY = (
    nats.errors.TimeoutError,
    nats.errors.NoRespondersError,
    nats.errors.StaleConnectionError,
    nats.errors.ConnectionClosedError,
    nats.errors.ConnectionReconnectingError,
    NoStreamResponseError,
    ServiceUnavailableError,
    ConnectionError,
)
"""What the client raises of questions that a broker does not answer which is gone, or starts again."""


def failure_of(cause: Exception, stage: str, log: Logger) -> PenstockError:
    """Why the message is tried again: the broker is away, or else there is a bug, which is logged."""
    if isinstance(cause, _AWAY):
        message = "the message broker can't be reached: try again in a moment"
        return PenstockError(ErrorCode.PIPELINE_UNAVAILABLE, message, stage=stage, retryable=True)
    log.error("handler_failed", exc_info=cause)
    message = f"the {stage} stage failed on this message"
    return PenstockError(ErrorCode.INTERNAL_ERROR, message, stage=stage, retryable=True)
