"""What an API adds to an answer: how it is asked for, and the shapes it is given in."""

from dataclasses import dataclass
from typing import Protocol, TypeVar

from infra.simulator.answer import Usage
from infra.simulator.errors import ApiError
from infra.simulator.knobs import Knobs


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

    `head` goes out with the first token and `tail` with the last. `cut` ends it by cutting the connection. `usage` is
    what the whole of it reports.
    """

    head: bytes
    tokens: tuple[bytes, ...]
    tail: bytes
    cut: bool = False
    usage: Usage | None = None


@dataclass(frozen=True, slots=True)
class Whole:
    """A response as one JSON body, how many tokens it takes to make it, and the usage that it reports."""

    body: bytes
    steps: int = 0
    usage: Usage | None = None


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


class Shape(Protocol):
    """How an API speaks of errors. The request id's header and the event of a stream that is no JSON are constants."""

    request_id_header: bytes
    broken_event: bytes

    def error(self, error: ApiError, stamp: Stamp) -> bytes:
        """The JSON body of an error."""

    def error_event(self, error: ApiError, stamp: Stamp) -> bytes:
        """The server-sent event of an error after a stream has begun."""

    def too_long(self, tokens: int, window: int) -> ApiError:
        """The error for a prompt of more tokens than the model's window has."""


class Asked(Protocol):
    """What every request says, whatever it asks for."""

    @property
    def model(self) -> str:
        """The model's name as it was sent."""

    @property
    def stream(self) -> bool:
        """Whether the answer is to be a stream."""


RequestT = TypeVar("RequestT", bound=Asked)


class Dialect(Shape, Protocol[RequestT]):
    """One endpoint of an API: how its requests are read and answered."""

    def parse(self, body: bytes) -> RequestT:
        """The request in a body; ApiError 400 for a bad one."""

    def prompt_tokens(self, request: RequestT) -> int:
        """How many tokens the request's prompt has."""

    def respond(self, request: RequestT, knobs: Knobs, stamp: Stamp, *, filtered: bool) -> Script | Whole:
        """The answer, which is a stream if that was asked for; ApiError 400 where there is none."""
