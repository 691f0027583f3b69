"""/admin/v1/budgets"""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from api.admin.rules import CreateBudget, UpdateBudget
from api.admin.serving import actor_of
from api.admin.shapes import moment
from api.documents.paging import paging_of
from api.documents.shapes import page, seconds
from api.gateway import Gateway
from api.served import Call, Json
from infra.budgets.repository import USUAL_SHARES, Budget, Budgets


class BudgetEndpoints:
    """Each raises `PenstockError`."""

    def __init__(self, gateway: Gateway) -> None:
        self._budgets = Budgets(gateway.documents)

    async def create(self, call: Call) -> Json:
        """POST"""
        asked = await call.body(CreateBudget)
        made = await self._budgets.create(
            actor_of(call),
            asked.kind,
            asked.subject_id,
            asked.period,
            Decimal(asked.amount_usd),
            USUAL_SHARES if asked.alert_shares is None else _decimals(asked.alert_shares),
            asked.webhook_url or None,
        )
        return budget_object(made)

    async def list(self, call: Call) -> Json:
        """GET: `limit`, `order`, `after`, `before`; `kind` and `subject_id`, of which only the budgets are wanted."""
        query = call.query
        found, more = await self._budgets.list(
            paging_of(query), kind=query.get("kind"), subject_id=query.get("subject_id")
        )
        return page([budget_object(each) for each in found], more=more)

    async def retrieve(self, call: Call) -> Json:
        """GET …/{budget}"""
        return budget_object(await self._budgets.find(call.in_path["budget"]))

    async def update(self, call: Call) -> Json:
        """POST …/{budget}: how much, when it is told of, and where."""
        asked = await call.body(UpdateBudget)
        changed: dict[str, Any] = {}
        if asked.amount_usd is not None:
            changed["amount_usd"] = Decimal(asked.amount_usd)
        if asked.alert_shares is not None:
            changed["alert_shares"] = _decimals(asked.alert_shares)
        if asked.webhook_url is not None:
            changed["webhook_url"] = asked.webhook_url or None
        return budget_object(await self._budgets.update(actor_of(call), call.in_path["budget"], **changed))

    async def delete(self, call: Call) -> Json:
        """DELETE …/{budget}"""
        budget_id = call.in_path["budget"]
        await self._budgets.delete(actor_of(call), budget_id)
        return {"id": budget_id, "object": "budget.deleted", "deleted": True}


def budget_object(budget: Budget) -> Json:
    """A budget, and how it stands in its present period."""
    left = budget.amount_usd - budget.spent_usd - budget.reserved_usd
    return {
        "id": budget.id,
        "object": "budget",
        "kind": budget.kind,
        "subject_id": budget.subject_id,
        "period": budget.period,
        "amount_usd": _text(budget.amount_usd),
        "spent_usd": _text(budget.spent_usd),
        "reserved_usd": _text(budget.reserved_usd),
        "left_usd": _text(max(left, Decimal(0))),
        "period_start": moment(budget.period_start),
        "period_end": moment(budget.period_end),
        "alert_shares": [float(share) for share in budget.alert_shares],
        "webhook_url": budget.webhook_url,
        "created_at": seconds(budget.created_at),
    }


def _decimals(shares: Sequence[float]) -> list[Decimal]:
    return [Decimal(str(share)) for share in shares]


def _text(dollars: Decimal) -> str:
    return f"{dollars.normalize():f}"
