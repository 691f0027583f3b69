"""GET /v1/usage"""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime

import orjson

from api.admission import admit
from api.auth import Principal
from api.dialects.dialect import STAGE
from api.exchange import Exchange
from api.front import OPENAI
from api.gateway import Gateway
from api.observed import Visit
from api.usage.asked import asked_of
from api.usage.shown import as_csv, as_json, next_page
from contracts.errors import ErrorCode, PenstockError
from infra.access.scopes import ADMIN
from infra.usage.question import Question
from infra.usage.report import report

CSV = "text/csv"
NEXT_PAGE_HEADER = "x-penstock-next-page"
"""Of a CSV, which has no place for it."""


class UsageEndpoint:
    """Every key may ask for its tenant's rows, one with the scope `admin` for everybody's."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway

    async def __call__(self, exchange: Exchange, visit: Visit) -> None:
        """Raises `PenstockError`."""
        principal = await admit(self._gateway, exchange, visit, OPENAI, scope=None)
        asked = asked_of(exchange.query_pairs, exchange.header("accept"), datetime.now(UTC))
        question = permitted(asked.question, principal)
        found = await report(self._gateway.documents, question)
        # What is long is written beside the requests that are under way, and not in their way.
        if asked.format == "json":
            return await exchange.reply(
                200, await asyncio.to_thread(lambda: orjson.dumps(as_json(question, found))), {}
            )
        page = next_page(found)
        headers = {"content-type": f"{CSV}; charset=utf-8", **({NEXT_PAGE_HEADER: page} if page else {})}
        return await exchange.reply(200, (await asyncio.to_thread(as_csv, question, found)).encode(), headers)


def permitted(question: Question, principal: Principal) -> Question:
    """The question as this key may ask it. Raises `PenstockError` (`permission_denied`) for another tenant's rows."""
    if ADMIN in principal.scopes:
        return question
    if set(question.filters.get("tenant", ())) - {principal.tenant}:
        message = "this API key lacks the scope «admin»: it sees its own tenant's usage"
        raise PenstockError(ErrorCode.PERMISSION_DENIED, message, stage=STAGE, param="tenant")
    return replace(question, filters={**question.filters, "tenant": (principal.tenant,)})
