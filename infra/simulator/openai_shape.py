"""What OpenAI's endpoints have in common: the shape of an error."""

from collections.abc import Mapping

import orjson

from infra.simulator.dialect import Stamp
from infra.simulator.errors import ApiError, ErrorKind

_ERROR_TYPES: Mapping[ErrorKind, str] = {
    ErrorKind.PERMISSION: "request_forbidden",
    ErrorKind.RATE_LIMIT: "requests",
    ErrorKind.SERVER: "server_error",
}


class OpenAIShape:
    """Errors as OpenAI gives them."""

    request_id_header = b"x-request-id"
    broken_event = b'data: {"id": "chatcmpl-broken", "choices": [{"delta"\n\n'

    def error(self, error: ApiError, stamp: Stamp) -> bytes:
        """An `error` object."""
        kind = _ERROR_TYPES.get(error.kind, "invalid_request_error")
        body = {"message": error.message, "type": kind, "param": error.param, "code": error.code}
        return orjson.dumps({"error": body})

    def error_event(self, error: ApiError, stamp: Stamp) -> bytes:
        """A data line that holds an `error` object; no [DONE] follows it."""
        return b"data: %s\n\n" % self.error(error, stamp)

    def too_long(self, tokens: int, window: int) -> ApiError:
        """The 400 that OpenAI gives for a prompt longer than the model's context."""
        message = (
            f"This model's maximum context length is {window} tokens. However, your messages resulted in {tokens}"
            " tokens. Please reduce the length of the messages."
        )
        return ApiError(ErrorKind.INVALID_REQUEST, message, param="messages", code="context_length_exceeded")
