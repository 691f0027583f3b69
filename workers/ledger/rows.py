"""From a usage message to its row."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from contracts.usage import INTERRUPTED, UsageRecorded
from infra.dispatch.contract import read_contract


@dataclass(frozen=True, slots=True)
class Arrived:
    """A row on its way: its columns as JSON has them, and when its message was stored, in seconds since 1970."""

    columns: dict[str, Any]
    started_at: datetime
    stored_at: float

    @property
    def key(self) -> tuple[str, str, int]:
        """What makes two rows the same."""
        return self.columns["tenant_id"], self.columns["request_id"], self.columns["attempt"]


def row_of(body: bytes, message_id: str, stored_at: float) -> Arrived:
    """The columns of `usage`. Raises `ContractError` for a message that is no usage."""
    used = read_contract(UsageRecorded, body, what="usage message", stage="ledger")
    said = used.model_dump(mode="json", exclude={"usage", "tenant"})
    tokens = used.usage.model_dump(mode="json")
    columns = {**said, "tags": used.tags or {}, **tokens, "tenant_id": used.tenant, "message_id": message_id}
    return Arrived(columns, used.started_at, stored_at)


def distinct(rows: Iterable[Arrived]) -> list[Arrived]:
    """One row an attempt, in the order of their keys: what is known takes the place of an estimate, and the first stays
    otherwise. Writers that touch the same rows in the same order wait for each other, and never in a circle.
    """
    kept: dict[tuple[str, str, int], Arrived] = {}
    for row in rows:
        known = kept.setdefault(row.key, row)
        if _is_estimate(known) and not _is_estimate(row):
            kept[row.key] = row
    return [kept[key] for key in sorted(kept)]


def _is_estimate(row: Arrived) -> bool:
    return bool(row.columns["status"] == INTERRUPTED)
