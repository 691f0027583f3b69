"""The errors of the platform: one code, one sentence, one answer to "may I try again?"."""

from enum import StrEnum


class ErrorCode(StrEnum):
    """What went wrong. The set is open: a reader must treat a code that it doesn't know as `internal_error`."""

    INVALID_REQUEST = "invalid_request"
    INVALID_API_KEY = "invalid_api_key"
    PERMISSION_DENIED = "permission_denied"
    NOT_FOUND = "not_found"
    METHOD_NOT_ALLOWED = "method_not_allowed"
    THREAD_UNSUPPORTED = "thread_unsupported"
    MODEL_NOT_FOUND = "model_not_found"
    CONTEXT_LENGTH_EXCEEDED = "context_length_exceeded"
    DEADLINE_EXCEEDED = "deadline_exceeded"
    REQUEST_TOO_LARGE = "request_too_large"
    RATE_LIMITED = "rate_limited"
    INSUFFICIENT_QUOTA = "insufficient_quota"
    PRICE_UNKNOWN = "price_unknown"
    CANCELLED = "cancelled"
    PROVIDER_ERROR = "provider_error"
    PROVIDER_UNAVAILABLE = "provider_unavailable"
    RESIDENCY_UNAVAILABLE = "residency_unavailable"
    OVERLOADED = "overloaded"
    PIPELINE_UNAVAILABLE = "pipeline_unavailable"
    INTERNAL_ERROR = "internal_error"


HTTP_STATUS: dict[str, int] = {
    ErrorCode.INVALID_REQUEST: 400,
    ErrorCode.INVALID_API_KEY: 401,
    ErrorCode.PERMISSION_DENIED: 403,
    ErrorCode.NOT_FOUND: 404,
    ErrorCode.METHOD_NOT_ALLOWED: 405,
    ErrorCode.THREAD_UNSUPPORTED: 400,
    ErrorCode.MODEL_NOT_FOUND: 404,
    ErrorCode.CONTEXT_LENGTH_EXCEEDED: 400,
    ErrorCode.DEADLINE_EXCEEDED: 408,
    ErrorCode.REQUEST_TOO_LARGE: 413,
    ErrorCode.RATE_LIMITED: 429,
    ErrorCode.INSUFFICIENT_QUOTA: 429,
    ErrorCode.PRICE_UNKNOWN: 403,
    ErrorCode.CANCELLED: 499,
    ErrorCode.PROVIDER_ERROR: 502,
    ErrorCode.PROVIDER_UNAVAILABLE: 502,
    ErrorCode.RESIDENCY_UNAVAILABLE: 503,
    ErrorCode.OVERLOADED: 503,
    ErrorCode.PIPELINE_UNAVAILABLE: 503,
    ErrorCode.INTERNAL_ERROR: 500,
}
"""The HTTP status of each code. 499 is nginx's «client closed request»: nobody is left to read it."""

RETRY_AFTER_SECONDS: dict[str, float] = {
    ErrorCode.RATE_LIMITED: 1,
    ErrorCode.PROVIDER_ERROR: 1,
    ErrorCode.PROVIDER_UNAVAILABLE: 2,
    ErrorCode.RESIDENCY_UNAVAILABLE: 2,
    ErrorCode.OVERLOADED: 1,
    ErrorCode.PIPELINE_UNAVAILABLE: 2,
}
"""What `Retry-After` says where the cause gave no figure of its own, in seconds."""


class PenstockError(Exception):
    """A failure that somebody outside must be told about.

    `message` is a sentence for a person and never carries a key, a prompt or a provider's internals. `retryable` says
    whether the same request can succeed later. `stage` names the worker (or `api`) that gave up. `param` is the path of
    the offending field, as in `messages[0].role`. `retry_after` is in seconds.
    """

    def __init__(  # noqa: PLR0913 - an error is its fields
        self,
        code: ErrorCode,
        message: str,
        *,
        stage: str,
        retryable: bool = False,
        param: str | None = None,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.stage = stage
        self.retryable = retryable
        self.param = param
        self.retry_after = retry_after


class ContractError(PenstockError):
    """A message that is no contract: no later delivery can make it one."""

    def __init__(self, message: str, *, stage: str, param: str | None = None) -> None:
        super().__init__(ErrorCode.INVALID_REQUEST, message, stage=stage, param=param)
