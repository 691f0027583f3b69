"""Errors as OpenAI's API writes them: the SDKs raise their typed exceptions from status and shape."""

from typing import Any

import orjson

from contracts.errors import HTTP_STATUS, RETRY_AFTER_SECONDS, ErrorCode, PenstockError

STAGE = "api"
_TYPES: dict[int, str] = {
    401: "authentication_error",
    403: "permission_error",
    408: "timeout_error",
    429: "rate_limit_error",
    499: "cancelled_error",
}
_OPENAI_CODES = {ErrorCode.RATE_LIMITED: "rate_limit_exceeded", ErrorCode.INVALID_REQUEST: None}


def status_of(error: PenstockError) -> int:
    """The HTTP status of an error."""
    return HTTP_STATUS.get(error.code, 500)


def error_object(error: PenstockError) -> dict[str, Any]:
    """`{"error": {message, type, param, code}}`, as https://platform.openai.com/docs/guides/error-codes has it."""
    status = status_of(error)
    kind = _TYPES.get(status, "invalid_request_error" if status < 500 else "server_error")
    code = _OPENAI_CODES.get(error.code, str(error.code))
    return {"error": {"message": error.message, "type": kind, "param": error.param, "code": code}}


def error_body(error: PenstockError) -> bytes:
    """The body of the answer."""
    return orjson.dumps(error_object(error))


def error_headers(error: PenstockError) -> dict[str, str]:
    """`Retry-After` in whole seconds, rounded up, where trying again makes sense."""
    after = error.retry_after if error.retry_after is not None else RETRY_AFTER_SECONDS.get(error.code)
    return {} if after is None else {"retry-after": str(max(int(-(-after // 1)), 1))}
