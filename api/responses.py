"""OpenAI's responses: asked for in the background, read back, cancelled, deleted."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
from pydantic import ValidationError

from api.admission import admit
from api.auth import Principal, require_scope
from api.dialects.dialect import STAGE, STREAM_CONTENT_TYPE
from api.exchange import Exchange
from api.front import RESPONSES, RESPONSES_FRONT
from api.gateway import Gateway
from api.inference import Inference
from api.observed import Visit
from api.prompt import Prompt
from api.submit import cancel, publish, submit
from contracts.apis.responses.answer import error_of, unfinished
from contracts.apis.responses.items import input_items
from contracts.apis.responses.replay import replay_response
from contracts.apis.rules.refusal import invalid
from contracts.apis.rules.responses import ResponsesRequest
from contracts.errors import ErrorCode, PenstockError
from contracts.inference import InferenceCompleted, InferenceFailed
from contracts.responses import ResponseStatus, ResponseStored, request_id_of, response_id_of
from contracts.subjects import Lane
from infra.access.scopes import BATCH
from infra.responses import ResponseStore, stored

_ROOT = "/v1/responses/"
_IN_PROGRESS, _FAILED = "in_progress", "failed"
_ITEMS, _MOST_ITEMS = 20, 100
_OVERDUE = InferenceFailed.model_validate(
    {
        "request_id": "overdue",
        "error": {"code": "deadline_exceeded", "message": "it was not answered before its deadline", "stage": STAGE},
    }
)


@dataclass(frozen=True, slots=True)
class _Asked:
    """A stored response, and whose it is."""

    principal: Principal
    record: ResponseStored


class Responses:
    """The endpoints under /v1/responses. Each raises `PenstockError`."""

    def __init__(self, gateway: Gateway, store: ResponseStore) -> None:
        self._gateway = gateway
        self._store = store
        self._inference = Inference(gateway, RESPONSES_FRONT)

    async def create(self, exchange: Exchange, visit: Visit) -> None:
        """POST /v1/responses."""
        principal, prompt = await self._inference.read(exchange, visit)
        if prompt.parsed.get("background") is True:
            await self._in_background(exchange, visit, principal, prompt)
        else:
            await self._inference.answer(exchange, visit, principal, prompt)

    async def retrieve(self, exchange: Exchange, visit: Visit) -> None:
        """GET /v1/responses/{id}; with `?stream=true` the events of one that has ended, from `starting_after` on."""
        response = await self._now(await self._asked_for(exchange, visit))
        if exchange.query.get("stream") != "true":
            return await exchange.reply(200, orjson.dumps(response), {})
        if response["status"] in (ResponseStatus.QUEUED, _IN_PROGRESS):
            raise _invalid(f"the response is {response['status']}: it can be streamed when it has ended", "stream")
        after = _number(exchange.query, "starting_after", 0)
        events = [event for event in replay_response(response) if after is None or event["sequence_number"] > after]
        await exchange.start(200, {"cache-control": "no-cache"}, STREAM_CONTENT_TYPE)
        return await exchange.write(b"".join(RESPONSES.event(orjson.dumps(event)) for event in events), more=False)

    async def cancel(self, exchange: Exchange, visit: Visit) -> None:
        """POST /v1/responses/{id}/cancel: one in the background is stopped; one that has ended stays what it is."""
        asked = await self._asked_for(exchange, visit)
        if not asked.record.background:
            raise _invalid("only a response in the background can be cancelled", "response_id")
        response = await self._now(asked)
        if response["status"] in (ResponseStatus.QUEUED, _IN_PROGRESS):
            await cancel(self._gateway, request_id_of(asked.record.response_id))
            response = {**response, "status": ResponseStatus.CANCELLED.value}
            await self._store_as(asked, visit, status=ResponseStatus.CANCELLED, response=response)
        await exchange.reply(200, orjson.dumps(response), {})

    async def delete(self, exchange: Exchange, visit: Visit) -> None:
        """DELETE /v1/responses/{id}: it is found no more, and nothing goes on from it; one that is made is stopped."""
        asked = await self._asked_for(exchange, visit)
        if asked.record.status == ResponseStatus.QUEUED:
            await cancel(self._gateway, request_id_of(asked.record.response_id))
        await self._store_as(asked, visit, status=ResponseStatus.DELETED, response={}, items=[])
        body = {"id": asked.record.response_id, "object": "response.deleted", "deleted": True}
        await exchange.reply(200, orjson.dumps(body), {})

    async def input_items(self, exchange: Exchange, visit: Visit) -> None:
        """GET /v1/responses/{id}/input_items: the newest first unless `order=asc`; `limit` and `after` page."""
        asked, query = await self._asked_for(exchange, visit), exchange.query
        items = asked.record.items if query.get("order") == "asc" else asked.record.items[::-1]
        ids = [item.get("id") for item in items]
        after = query.get("after")
        if after is not None and after not in ids:
            raise _invalid("names no item of this response", "after")
        begin = ids.index(after) + 1 if after is not None else 0
        page = items[begin : begin + (_number(query, "limit", 1, _MOST_ITEMS) or _ITEMS)]
        ends = {"first_id": page[0].get("id"), "last_id": page[-1].get("id")} if page else {}
        more = begin + len(page) < len(items)
        await exchange.reply(200, orjson.dumps({"object": "list", "data": page, "has_more": more, **ends}), {})

    async def _in_background(self, exchange: Exchange, visit: Visit, principal: Principal, prompt: Prompt) -> None:
        require_scope(principal, BATCH)
        if prompt.stream:
            raise _invalid("a response in the background can't be streamed as it is made", "stream")
        if prompt.parsed.get("store") is False:
            raise _invalid("a response in the background has to be stored", "store")
        self._check(prompt)
        response_id, now = response_id_of(visit.request_id), datetime.now(UTC)
        response = unfinished(prompt.parsed, response_id=response_id, created_at=int(now.timestamp()), status="queued")
        record = ResponseStored(
            response_id=response_id,
            created_at=now,
            status=ResponseStatus.QUEUED,
            background=True,
            items=_items(prompt.parsed, visit.request_id),
            response=response,
        )
        await publish(self._gateway, stored(principal.tenant, record), visit)
        patience = timedelta(seconds=self._gateway.settings.results_async_age)
        await submit(self._gateway, prompt.until(now + patience), principal, visit, Lane.BATCH)
        await exchange.reply(200, orjson.dumps(response), {})

    def _check(self, prompt: Prompt) -> None:
        """What is plainly wrong is told at once: nobody waits for the pipeline's own refusal."""
        try:
            asked = ResponsesRequest.model_validate(prompt.parsed)
        except ValidationError as error:
            raise invalid(error, STAGE) from None
        if not self._gateway.catalog.current.knows(asked.model):
            message = f"the model «{asked.model}» does not exist"
            raise PenstockError(ErrorCode.MODEL_NOT_FOUND, message, stage=STAGE, param="model")

    async def _asked_for(self, exchange: Exchange, visit: Visit) -> _Asked:
        principal = await admit(self._gateway, exchange, visit, RESPONSES)
        response_id = exchange.path.removeprefix(_ROOT).partition("/")[0]
        record = await self._store.find(principal.tenant, response_id)
        if record is None:
            message = f"Response with id '{response_id}' not found."
            raise PenstockError(ErrorCode.NOT_FOUND, message, stage=STAGE, param="response_id")
        return _Asked(principal, record)

    async def _now(self, asked: _Asked) -> dict[str, Any]:
        """The response as it is: how a queued one ended, its request's terminal message knows before anybody else."""
        record = asked.record
        if record.status != ResponseStatus.QUEUED:
            return record.response
        outcome = await self._store.outcome(asked.principal.tenant, record.response_id)
        age = (datetime.now(UTC) - record.created_at).total_seconds()
        if outcome is None and age <= self._gateway.settings.results_async_age:
            return {**record.response, "status": _IN_PROGRESS}
        return _ended(record, outcome or _OVERDUE)

    async def _store_as(self, asked: _Asked, visit: Visit, **changed: Any) -> None:  # noqa: ANN401 - fields of a record
        record = asked.record.model_copy(update=changed)
        await publish(self._gateway, stored(asked.principal.tenant, record), visit)


def _ended(record: ResponseStored, outcome: InferenceCompleted | InferenceFailed) -> dict[str, Any]:
    if isinstance(outcome, InferenceCompleted):
        return outcome.response
    if outcome.error.code == ErrorCode.CANCELLED:
        return {**record.response, "status": ResponseStatus.CANCELLED.value}
    return {**record.response, "status": _FAILED, "error": error_of(outcome.error.to_error())}


def _items(request: dict[str, Any], id_seed: str) -> list[dict[str, Any]]:
    """The input so far; of what is none, the validation worker tells the caller."""
    asked = request.get("input")
    whole = isinstance(asked, str) or (isinstance(asked, list) and all(isinstance(item, dict) for item in asked))
    return input_items(request, id_seed=id_seed) if whole else []


def _number(query: dict[str, str], name: str, least: int, most: int = 10**9) -> int | None:
    asked = query.get(name)
    if asked is None:
        return None
    if not (asked.isascii() and asked.isdecimal() and least <= int(asked) <= most):
        raise _invalid(f"must be a whole number from {least} to {most}", name)
    return int(asked)


def _invalid(message: str, param: str) -> PenstockError:
    return PenstockError(ErrorCode.INVALID_REQUEST, message, stage=STAGE, param=param)
