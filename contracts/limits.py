"""What limits say of a request: what it counts as until it ends, that it ended, and the room that there was for it."""

from typing import Annotated

from pydantic import Field

from contracts.inference import Contract, RequestId


class Counted(Contract):
    """What a request counts as until it ends: the header ce-counted, as JSON. What is given back goes by it."""

    tokens: Annotated[int, Field(ge=0, description="The estimate that was counted.")] = 0
    counters: Annotated[
        tuple[str, ...], Field(description="The subjects of the counters on which these tokens were counted.")
    ] = ()
    lease: Annotated[bool, Field(description="It is one of the requests that may be open at the same time.")] = False

    def header(self) -> str:
        """As the envelope has it."""
        return self.model_dump_json(exclude_defaults=True)


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
    """What the ingress that waits for a request is told of its limits (core NATS), for its answer's headers."""

    requests: Room | None = None
    tokens: Room | None = None
