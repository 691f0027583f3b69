"""What limits say of a request: what it counts as until it ends, that it ended, and the room that there was for it."""

from collections.abc import Sequence
from typing import Annotated

import orjson
from pydantic import Field

from contracts.inference import Contract, RequestId


class Counted(Contract):
    """What a request counts as until it ends: the header ce-counted, as JSON. What is given back goes by it."""

    tokens: Annotated[int, Field(ge=0, description="The estimate that was counted.")] = 0
    counters: Annotated[
        tuple[str, ...], Field(description="The subjects of the counters on which these tokens were counted.")
    ] = ()
    lease: Annotated[bool, Field(description="It is one of the requests that may be open at the same time.")] = False

    @staticmethod
    def header(tokens: int, counters: Sequence[str], *, lease: bool) -> str:
        """As the envelope has it. Requests wait for it: a model for the one line of it costs ten times as much."""
        told = {"tokens": tokens, "counters": counters, "lease": lease}
        return orjson.dumps({name: value for name, value in told.items() if value}).decode()


class LimitsReleased(Contract):
    """A request that counted has ended: it is open no more, and its tokens are those that it took."""

    request_id: RequestId
    counted: Counted
    tokens: Annotated[int, Field(ge=0, description="Input and output; 0 where no provider was called.")]


class Room(Contract):
    """One limit a minute, the tightest of its kind. `reset` is in seconds."""

    limit: int
    remaining: Annotated[int, Field(ge=0)]
    reset: Annotated[float, Field(ge=0, description="Until all of it is there again, if nobody asks.")]


class Rooms(Contract):
    """The header ce-rooms, as JSON: what a request's limits have left beside it. Its answer's headers say it."""

    requests: Room | None = None
    tokens: Room | None = None
