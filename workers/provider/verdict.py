"""What the end of a call says of its deployment."""

from contracts.errors import ErrorCode, PenstockError
from workers.provider.breaker import Verdict
from workers.provider.said import Result

SILENT = 60.0
"""Seconds without a word after which a request's own deadline counts against the deployment: a caller who is in more of
a hurry says nothing of it. A deployment that is to be given up sooner has its own timeouts in the catalogue."""

_ANSWERS = (ErrorCode.RATE_LIMITED, ErrorCode.INVALID_REQUEST, ErrorCode.CONTEXT_LENGTH_EXCEEDED)
"""A provider that is there, takes our key, and says no to this request."""


def verdict_of(result: Result) -> Verdict:
    """Failures and timeouts count, and so do streams that were cut off; what the caller asked wrongly does not."""
    error = result.error
    if error is None:
        return Verdict.GOOD
    if refused(error):
        return Verdict.REFUSED
    if error.code in (ErrorCode.PROVIDER_ERROR, ErrorCode.PROVIDER_UNAVAILABLE):
        return Verdict.FAILED
    if error.code in _ANSWERS:
        return Verdict.ANSWERED
    if error.code is ErrorCode.DEADLINE_EXCEEDED and result.first_token_ms is None:
        return Verdict.FAILED if result.latency_ms >= SILENT * 1000 else Verdict.UNKNOWN
    return Verdict.UNKNOWN


def refused(error: PenstockError) -> bool:
    """Whether the provider did not take our key: its only failure that it is no use to try again."""
    return error.code is ErrorCode.PROVIDER_ERROR and not error.retryable


def elsewhere_too(error: PenstockError) -> bool:
    """Whether another deployment would fail with it as well."""
    return not (error.retryable or refused(error))
