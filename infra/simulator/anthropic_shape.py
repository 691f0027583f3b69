"""What Anthropic's endpoints have in common: the shape of an error and of an event."""

from collections.abc import Mapping
from typing import Any

import orjson

from infra.simulator.dialect import Stamp
from infra.simulator.errors import ApiError, ErrorKind

_ERROR_TYPES: Mapping[ErrorKind, str] = {
    ErrorKind.AUTHENTICATION: "authentication_error",
    ErrorKind.PERMISSION: "permission_error",
    ErrorKind.NOT_FOUND: "not_found_error",
    ErrorKind.RATE_LIMIT: "rate_limit_error",
    ErrorKind.SERVER: "api_error",
}


class AnthropicShape:
    """Errors as Anthropic gives them."""

    request_id_header = b"request-id"
    broken_event = b'event: content_block_delta\ndata: {"type": "content_block_delta", "delta"\n\n'

    def error(self, error: ApiError, stamp: Stamp) -> bytes:
        """An `error` object with the request's id."""
        return orjson.dumps(_error(error) | {"request_id": stamp.request_id})

    def error_event(self, error: ApiError, stamp: Stamp) -> bytes:
        """An `error` event; no message_stop follows it."""
        return event(_error(error))

    def too_long(self, tokens: int, window: int) -> ApiError:
        """The 400 that Anthropic gives for a prompt longer than the model's context."""
        return ApiError(ErrorKind.INVALID_REQUEST, f"prompt is too long: {tokens} tokens > {window} maximum")


def event(data: dict[str, Any]) -> bytes:
    """A server-sent event that is named after its data's type."""
    return b"event: %s\ndata: %s\n\n" % (data["type"].encode(), orjson.dumps(data))


def _error(error: ApiError) -> dict[str, Any]:
    kind = _ERROR_TYPES.get(error.kind, "invalid_request_error")
    return {"type": "error", "error": {"type": kind, "message": error.message}}
