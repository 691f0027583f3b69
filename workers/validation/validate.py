"""From the bytes of `requested` to what the next stages need to know of them."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from pydantic import ValidationError

from contracts import envelope
from contracts.errors import ContractError
from contracts.inference import OPENAI_CHAT, InferenceRequested
from contracts.subjects import require_token
from workers.validation.chat import ChatCompletionRequest, check_chat, invalid

_STAGE = "validation"


@dataclass(frozen=True, slots=True)
class Checked:
    """A request that is well formed, and what was found in it."""

    contract: InferenceRequested
    request: ChatCompletionRequest


_FOUND_OUT_LATER = frozenset({envelope.CACHE_STATUS, envelope.CACHE_KEY, envelope.DEPLOYMENTS, envelope.ROUTE})


def from_outside(headers: Mapping[str, str]) -> dict[str, str]:
    """The envelope as it may enter: what only a later stage can know is dropped, whoever wrote it.

    Raises `ContractError` for an ingress that can't stand in the subject of a delta.
    """
    if (ingress := headers.get(envelope.INGRESS)) is not None:
        require_token(ingress, envelope.INGRESS, stage=_STAGE)
    return {name: value for name, value in headers.items() if name not in _FOUND_OUT_LATER}


def validate(body: bytes, request_id: str) -> Checked:
    """Raises `PenstockError` (`invalid_request`) that names the offending field as the caller would write it."""
    try:
        contract = InferenceRequested.model_validate_json(body)
    except ValidationError as error:
        raise invalid(error, _STAGE) from None
    if contract.request_id != request_id:
        raise ContractError("request_id in the body and in ce-requestid differ", stage=_STAGE, param="request_id")
    if contract.api != OPENAI_CHAT:
        raise ContractError(f"api must be {OPENAI_CHAT}", stage=_STAGE, param="api")
    return Checked(contract, check_chat(contract.request))


def findings(checked: Checked, tenant: str, default_deadline: float) -> Mapping[str, str]:
    """The envelope of `validated`. `default_deadline` is in seconds since 1970, for a request that names none."""
    contract, request = checked.contract, checked.request
    deadline = contract.deadline or datetime.fromtimestamp(default_deadline, UTC)
    found = {
        envelope.TENANT: tenant,
        envelope.API: contract.api,
        envelope.MODEL: request.model,
        envelope.STREAM: "true" if request.stream else "false",
        envelope.DEADLINE: envelope.rfc3339(deadline),
    }
    if contract.cache_control:
        found[envelope.CACHE_CONTROL] = contract.cache_control
    return found
