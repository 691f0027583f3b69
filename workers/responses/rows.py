"""From a stored response's message to its row."""

from datetime import timedelta
from typing import Any

from contracts.responses import ResponseStored
from contracts.subjects import require_token
from infra.dispatch.contract import read_contract


def row_of(tenant: str, body: bytes, sequence: int, age: float) -> dict[str, Any]:
    """The columns of `responses`; `age` is how long it is kept, in seconds. Raises `ContractError`."""
    record = read_contract(ResponseStored, body, what="stored response", stage="responses")
    return {
        "tenant_id": require_token(tenant, "tenant", stage="responses"),
        "id": record.response_id,
        "created_at": record.created_at,
        "expires_at": record.created_at + timedelta(seconds=age),
        "sequence": sequence,
        "body": body,
    }
