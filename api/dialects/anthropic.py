"""Anthropic's APIs. Errors: https://docs.anthropic.com/en/api/errors"""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

import orjson

from api.dialects.dialect import STAGE, Header, named_event, status_of
from api.dialects.room_headers import anthropic_rooms
from contracts.apis.messages_to_chat.replay import replay_message
from contracts.errors import ErrorCode, PenstockError
from contracts.limits import Rooms

VERSION_HEADER, BETA_HEADER = "anthropic-version", "anthropic-beta"
VERSIONS = ("2026-10-21", "2023-06-01")
"""What the SDKs in use send. They differ in what Anthropic refuses, not in shapes, and it is told which one it is."""
_TYPES: dict[int, str] = {
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    408: "timeout_error",
    413: "request_too_large",
    429: "rate_limit_error",
    503: "overloaded_error",
}


class Anthropic:
    """Messages and the counting of their tokens."""

    key_hint = "`x-api-key: psk_…`"
    done = b""

    def authorization(self, header: Header) -> str | None:
        """`x-api-key`, or a bearer token as the SDK's `auth_token` sends it."""
        key = header("x-api-key")
        return f"Bearer {key}" if key is not None else header("authorization")

    def check_version(self, header: Header) -> None:
        """`anthropic-version` must be there, and be one whose shapes are spoken here. Raises `PenstockError`."""
        version = header(VERSION_HEADER)
        if version not in VERSIONS:
            said = "is missing" if version is None else f"«{version[:40]}» is not spoken here"
            message = f"{VERSION_HEADER} {said}: send {VERSIONS[0]}"
            raise PenstockError(ErrorCode.INVALID_REQUEST, message, stage=STAGE, param=VERSION_HEADER)

    def answer_headers(self, request_id: str) -> Mapping[str, str]:
        """See `Dialect`."""
        return {"request-id": request_id}

    def room_headers(self, rooms: Rooms) -> Mapping[str, str]:
        """See `Dialect`."""
        return anthropic_rooms(rooms, datetime.now(UTC))

    def error(self, error: PenstockError, request_id: str) -> dict[str, Any]:
        """`{"type": "error", "error": {type, message}, "request_id"}`."""
        status = status_of(error)
        kind = _TYPES.get(status, "invalid_request_error" if status < 500 else "api_error")
        body: dict[str, Any] = {"type": kind, "message": error.message}
        if error.code is ErrorCode.THREAD_UNSUPPORTED:
            # By this the SDK's loop of tools knows that it has to send the conversation itself.
            body["details"] = {"error_code": "thread_unsupported_request", "unsupported": ["thread"]}
        return {"type": "error", "error": body, "request_id": request_id}

    def error_event(self, error: PenstockError, request_id: str, sequence: int) -> bytes:
        """An `error` event; no `message_stop` follows it."""
        return named_event(orjson.dumps(self.error(error, request_id)))

    def event(self, data: bytes) -> bytes:
        """See `Dialect`."""
        return named_event(data)

    def replay(self, answer: dict[str, Any], *, include_usage: bool) -> Iterator[bytes]:
        """See `Dialect`; usage is always in it."""
        for event in replay_message(answer):
            yield self.event(orjson.dumps(event))
