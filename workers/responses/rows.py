"""From a stored response's message to its row."""

from datetime import timedelta
from typing import Any

from pydantic import ValidationError

from contracts.errors import ContractError
from contracts.responses import ResponseStored
from contracts.subjects import require_token


def row_of(tenant: str, body: bytes, sequence: int, age: float) -> dict[str, Any]:
    """The columns of `responses`; `age` is how long it is kept, in seconds. Raises `ContractError`."""
    try:
        record = ResponseStored.model_validate_json(body)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise ContractError(f"no stored response: {place}: {first['msg']}", stage="responses", param=place) from None
    return {
        "tenant_id": require_token(tenant, "tenant", stage="responses"),
        "id": record.response_id,
        "created_at": record.created_at,
        "expires_at": record.created_at + timedelta(seconds=age),
        "sequence": sequence,
        "body": body,
    }
