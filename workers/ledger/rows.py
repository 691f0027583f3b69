"""From a usage message to its row."""

from typing import Any

from contracts.usage import UsageRecorded
from infra.dispatch.contract import read_contract


def row_of(body: bytes, message_id: str) -> dict[str, Any]:
    """The columns of `usage`. Raises `ContractError` for a message that is no usage."""
    used = read_contract(UsageRecorded, body, what="usage message", stage="ledger")
    row = used.model_dump(exclude={"usage", "tenant"})
    return {**row, **used.usage.model_dump(), "tenant_id": used.tenant, "message_id": message_id}
