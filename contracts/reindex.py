"""The contracts of a re-index: asked for, how far it has come, how it ended."""

from enum import StrEnum
from typing import Annotated, Any, Self

from pydantic import AwareDatetime, Field, model_validator

from contracts.inference import Contract, RequestId


class ReindexState(StrEnum):
    """`building` reads every document into the next version, `checking` is at the gate. The last four are final."""

    REQUESTED = "requested"
    BUILDING = "building"
    PAUSED = "paused"
    CHECKING = "checking"
    COMPLETED = "completed"
    REFUSED = "refused"
    CANCELLED = "cancelled"
    FAILED = "failed"


ENDED = frozenset({ReindexState.COMPLETED, ReindexState.REFUSED, ReindexState.CANCELLED, ReindexState.FAILED})


class ReindexRequested(Contract):
    """Build the next version of a store's index, and switch to it if it is no worse. What is not named stays as it is.

    A store that has no index yet can be given its first one so.
    """

    job_id: Annotated[RequestId, Field(description="The caller's own id; progress is published under it.")]
    store: Annotated[str, Field(min_length=1, max_length=256, description="A store's id, or its name.")]
    embedding_model: Annotated[str | None, Field(max_length=256)] = None
    chunk_tokens: Annotated[int | None, Field(ge=1, le=4096)] = None
    chunk_overlap: Annotated[int | None, Field(ge=0, le=2048)] = None
    max_quality_loss: Annotated[
        float, Field(ge=0, le=1, description="How much lower nDCG@10 may be than the live version's.")
    ] = 0.02
    evaluation_set: Annotated[str | None, Field(max_length=256, description="All sets of the store where absent.")] = (
        None
    )
    requested_at: AwareDatetime | None = None
    catch_up: Annotated[
        int | None,
        Field(ge=1, description="Build nothing: bring this version up to what the store has, as after a rollback."),
    ] = None

    @model_validator(mode="after")
    def _overlaps_by_half_at_most(self) -> Self:
        tokens, overlap = self.chunk_tokens, self.chunk_overlap
        if tokens is not None and overlap is not None and overlap > tokens // 2:
            raise ValueError("chunks overlap by no more than half of their tokens")
        return self


class ReindexProgressed(Contract):
    """How far a re-index has come. `done`, `failed` and `pending` count documents; `rate` is of documents a second."""

    job_id: RequestId
    store_id: str
    version: int | None = None
    state: Annotated[str, Field(description="See contracts.reindex.ReindexState; the set is open.")]
    done: Annotated[int, Field(ge=0)] = 0
    failed: Annotated[int, Field(ge=0)] = 0
    pending: Annotated[int, Field(ge=0)] = 0
    rate: Annotated[float, Field(ge=0)] = 0.0
    eta_seconds: Annotated[float | None, Field(ge=0, description="None where nobody can tell.")] = None


class ReindexCompleted(Contract):
    """How a re-index ended: `completed` (the version is live), `refused` (by the gate), `cancelled` or `failed`."""

    job_id: RequestId
    store_id: str
    version: int | None = None
    state: str
    reason: Annotated[str | None, Field(description="A sentence, where the version did not go live.")] = None
    done: Annotated[int, Field(ge=0)] = 0
    failed: Annotated[int, Field(ge=0)] = 0
    quality: Annotated[dict[str, Any] | None, Field(description="What the gate measured.")] = None
