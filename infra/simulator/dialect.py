"""What an API adds to an answer: how it is asked for, and the shapes it is given in."""

from dataclasses import dataclass
from typing import Protocol

from infra.simulator.answers import Answer
from infra.simulator.errors import ApiError
from infra.simulator.requests import ChatRequest


@dataclass(frozen=True, slots=True)
class Stamp:
    """What differs between two calls of the same request: 32 hex digits for the ids, and Unix seconds."""

    hex_id: str
    created: int

    @property
    def request_id(self) -> str:
        """The id that headers and error bodies give the call."""
        return f"req_{self.hex_id}"


@dataclass(frozen=True, slots=True)
class Script:
    """A response as the bytes to send, with one entry in `tokens` for each token step.

    `head` goes out with the first token and `tail` with the last. `cut` ends it by cutting the connection.
    """

    head: bytes
    tokens: tuple[bytes, ...]
    tail: bytes
    cut: bool = False


@dataclass(frozen=True, slots=True)
class Reply:
    """A JSON response: the bytes to send and the content-length to announce.

    `cut` ends it by cutting the connection.
    """

    body: bytes
    length: int
    cut: bool = False


def whole_reply(body: bytes) -> Reply:
    """A reply that announces what it sends."""
    return Reply(body, len(body))


class Dialect(Protocol):
    """One API. The request id's header and the event of a stream that is no JSON are constants of it."""

    request_id_header: bytes
    broken_event: bytes

    def parse(self, body: bytes) -> ChatRequest:
        """The request in a body; ApiError 400 for a bad one."""

    def reply(self, request: ChatRequest, answer: Answer, stamp: Stamp) -> bytes:
        """The JSON body of a whole answer."""

    def script(self, request: ChatRequest, answer: Answer, stamp: Stamp) -> Script:
        """The server-sent events of a streamed answer."""

    def error(self, error: ApiError, stamp: Stamp) -> bytes:
        """The JSON body of an error."""

    def error_event(self, error: ApiError, stamp: Stamp) -> bytes:
        """The server-sent event of an error after a stream has begun."""
