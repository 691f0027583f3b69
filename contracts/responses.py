"""The contract of a stored response: GET /v1/responses/{id} gives it, `previous_response_id` goes on from it."""

from enum import StrEnum
from typing import Annotated, Any

from pydantic import AwareDatetime, Field

from contracts.inference import OPENAI_RESPONSES, Contract

ID_PREFIX = "resp_"
"""What the id of a response begins with; its request's id follows."""


class ResponseStatus(StrEnum):
    """How far a stored response has come; `deleted` is one that must not be found again."""

    QUEUED = "queued"
    COMPLETED = "completed"
    INCOMPLETE = "incomplete"
    CANCELLED = "cancelled"
    DELETED = "deleted"


class ResponseStored(Contract):
    """A response as far as it has come; the newest message of a subject counts."""

    response_id: Annotated[str, Field(pattern=r"^resp_[A-Za-z0-9_-]{1,128}$")]
    created_at: AwareDatetime
    status: Annotated[str, Field(description="queued, completed, incomplete, cancelled or deleted; the set is open.")]
    background: bool = False
    confidential: Annotated[
        bool, Field(description="It rests on documents of a confidential store: only local models may go on from it.")
    ] = False
    items: list[dict[str, Any]] = Field(
        default_factory=list, description="The input, that of earlier responses included."
    )
    response: dict[str, Any] = Field(default_factory=dict, description="The `response` object of OpenAI's API.")


def response_id_of(request_id: str) -> str:
    """The id under which a request's response is stored."""
    return ID_PREFIX + request_id


def request_id_of(response_id: str) -> str:
    """The request behind a response's id."""
    return response_id.removeprefix(ID_PREFIX)


def is_kept(api: str, request: dict[str, Any]) -> bool:
    """Whether a request's answer is to be stored: OpenAI's API does so unless it is told not to."""
    return api == OPENAI_RESPONSES and request.get("store") is not False
