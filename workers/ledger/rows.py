"""From a usage message to its row."""

from typing import Any

from pydantic import ValidationError

from contracts.errors import ContractError
from contracts.usage import UsageRecorded


def row_of(body: bytes, message_id: str) -> dict[str, Any]:
    """The columns of `usage`. Raises `ContractError` for a message that is no usage."""
    try:
        used = UsageRecorded.model_validate_json(body)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise ContractError(f"no usage message: {place}: {first['msg']}", stage="ledger", param=place) from None
    row = used.model_dump(exclude={"usage", "tenant"})
    return {**row, **used.usage.model_dump(), "tenant_id": used.tenant, "message_id": message_id}
