"""A response that goes on from another: its input with the earlier one's in front."""

import asyncio
from typing import Any, NamedTuple

from contracts.apis.responses.items import continued, referenced, resolved
from contracts.errors import ErrorCode, PenstockError
from contracts.responses import ResponseStatus, ResponseStored, response_id_of
from infra.responses import ResponseStore
from workers.validation.validate import STAGE

PREVIOUS = "previous_response_id"
_LOOK_AGAIN, _PATIENCE = 0.05, 2.0
_GOES_ON = (ResponseStatus.COMPLETED, ResponseStatus.INCOMPLETE)


def goes_on(request: dict[str, Any]) -> bool:
    """Whether a request needs what was stored of others."""
    asked = request.get("input")
    refers = isinstance(asked, list) and any(isinstance(item, dict) and "role" not in item for item in asked)
    return request.get(PREVIOUS) is not None or (refers and bool(referenced(request)))


class Continued(NamedTuple):
    """A request with the whole conversation in its input; `confidential` where a part of that is."""

    request: dict[str, Any]
    confidential: bool


async def with_earlier(store: ResponseStore, tenant: str, request: dict[str, Any]) -> Continued:
    """The request with what went before it, and items in place of references to them.

    Raises `PenstockError`: `invalid_request` for a response that isn't the tenant's to go on from.
    """
    known: dict[str, dict[str, Any]] = {}
    confidential = False
    for response_id in {_response_of(item_id) for item_id in referenced(request)}:
        if (record := await store.find(tenant, response_id)) is not None:
            items = [*record.items, *(record.response.get("output") or ())]
            known |= {item["id"]: item for item in items if isinstance(item.get("id"), str)}
            confidential |= record.confidential
    request = resolved(request, known)
    if request.get(PREVIOUS) is None:
        return Continued(request, confidential)
    before = await _previous(store, tenant, request[PREVIOUS])
    whole = continued(request, before.items, before.response.get("output") or [])
    return Continued(whole, confidential or before.confidential)


async def _previous(store: ResponseStore, tenant: str, response_id: str) -> ResponseStored:
    record = await _found(store, tenant, response_id)
    if record is None:
        raise _refused(f"Previous response with id '{response_id}' not found.")
    if record.status not in _GOES_ON:
        raise _refused(f"Previous response with id '{response_id}' is {record.status}: it has no answer to go on from.")
    return record


async def _found(store: ResponseStore, tenant: str, response_id: str) -> ResponseStored | None:
    """An answer can be with its caller a moment before it is stored: one that was given is waited for."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + _PATIENCE
    while True:
        record = await store.find(tenant, response_id)
        if record is not None or loop.time() >= deadline or not await store.may_come(tenant, response_id):
            return record
        await asyncio.sleep(_LOOK_AGAIN)


def _response_of(item_id: str) -> str:
    """Items are named after the response that they are of: see `contracts.apis.responses.ids`."""
    return response_id_of(item_id.partition("_")[2].rpartition("_")[0])


def _refused(message: str) -> PenstockError:
    return PenstockError(ErrorCode.INVALID_REQUEST, message, stage=STAGE, param=PREVIOUS)
