"""OpenAI's APIs. Errors: https://platform.openai.com/docs/guides/error-codes"""

from collections.abc import Iterator, Mapping
from typing import Any

import orjson

from api.dialects.dialect import Header, named_event, status_of
from api.dialects.room_headers import openai_rooms
from contracts.apis.replay_chat import replay_completion
from contracts.apis.responses.replay import replay_response
from contracts.errors import ErrorCode, PenstockError
from contracts.limits import Rooms

_TYPES: dict[int, str] = {
    401: "authentication_error",
    403: "permission_error",
    408: "timeout_error",
    429: "rate_limit_error",
    499: "cancelled_error",
}
_CODES = {ErrorCode.RATE_LIMITED: "rate_limit_exceeded", ErrorCode.INVALID_REQUEST: None}


class OpenAI:
    """Chat completions, embeddings, models: what all of OpenAI's APIs share."""

    key_hint = "`Authorization: Bearer psk_…`"
    done = b"data: [DONE]\n\n"

    def authorization(self, header: Header) -> str | None:
        """See `Dialect`."""
        return header("authorization")

    def check_version(self, header: Header) -> None:
        """The version is in the path."""

    def answer_headers(self, request_id: str) -> Mapping[str, str]:
        """See `Dialect`; `x-request-id` is on every answer of ours."""
        return {}

    def room_headers(self, rooms: Rooms) -> Mapping[str, str]:
        """See `Dialect`."""
        return openai_rooms(rooms)

    def error(self, error: PenstockError, request_id: str) -> dict[str, Any]:
        """`{"error": {message, type, param, code}}`."""
        status = status_of(error)
        kind = _TYPES.get(status, "invalid_request_error" if status < 500 else "server_error")
        if error.code is ErrorCode.INSUFFICIENT_QUOTA:
            # What OpenAI's own says; SDKs and people look at either field.
            kind = str(error.code)
        code = _CODES.get(error.code, str(error.code))
        return {"error": {"message": error.message, "type": kind, "param": error.param, "code": code}}

    def error_event(self, error: PenstockError, request_id: str, sequence: int) -> bytes:
        """A data line with the error; no `[DONE]` follows it."""
        return self.event(orjson.dumps(self.error(error, request_id)))

    def event(self, data: bytes) -> bytes:
        """See `Dialect`."""
        return b"data: " + data + b"\n\n"

    def replay(self, answer: dict[str, Any], *, include_usage: bool) -> Iterator[bytes]:
        """See `Dialect`."""
        for chunk in replay_completion(answer, include_usage=include_usage):
            yield self.event(orjson.dumps(chunk))


class OpenAIResponses(OpenAI):
    """Responses: events with names, and an end of their own."""

    done = b""

    def error_event(self, error: PenstockError, request_id: str, sequence: int) -> bytes:
        """An `error` event: the SDK raises for the `error` within, others find the fields where the API has them."""
        body = self.error(error, request_id)["error"]
        return named_event(orjson.dumps({**body, "type": "error", "sequence_number": sequence, "error": body}))

    def event(self, data: bytes) -> bytes:
        """See `Dialect`."""
        return named_event(data)

    def replay(self, answer: dict[str, Any], *, include_usage: bool) -> Iterator[bytes]:
        """See `Dialect`; usage is always in the last event."""
        for event in replay_response(answer):
            yield self.event(orjson.dumps(event))
