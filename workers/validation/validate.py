"""From the bytes of `requested` to what the next stages need to know of them."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import orjson
from pydantic import ValidationError

from contracts import envelope
from contracts.apis.grounding.search import wants_search
from contracts.apis.rules import RULES
from contracts.apis.rules.refusal import invalid
from contracts.errors import ContractError, ErrorCode, PenstockError
from contracts.inference import (
    ANTHROPIC_MESSAGES,
    APIS,
    DROP_PARAMS,
    OPENAI_CHAT,
    OPENAI_RESPONSES,
    InferenceRequested,
)
from contracts.tags import write_tags

STAGE = "validation"
_SEARCHING = (OPENAI_CHAT, OPENAI_RESPONSES)
_FOUND_OUT_LATER = frozenset(
    {
        *(envelope.CACHE_STATUS, envelope.CACHE_KEY, envelope.FLIGHT, envelope.INDEX),
        *(envelope.DEPLOYMENTS, envelope.LONG_CONTEXT, envelope.ROUTE, envelope.DECISION),
        envelope.CONFIDENTIAL,
        envelope.COUNTED,
        envelope.ROOMS,
        envelope.TAGS,
        envelope.SEMANTIC,
        envelope.NO_SEMANTIC,
        envelope.EMBEDDING,
    }
)


@dataclass(frozen=True, slots=True)
class Checked:
    """A request that is well formed, and what was found in it. `searches`: documents are to be looked up for it."""

    contract: InferenceRequested
    model: str
    stream: bool
    searches: bool


def from_outside(headers: Mapping[str, str]) -> dict[str, str]:
    """The envelope as it may enter: what only a later stage can know is dropped, whoever wrote it."""
    return {name: value for name, value in headers.items() if name not in _FOUND_OUT_LATER}


def validate(body: bytes, request_id: str) -> Checked:
    """Raises `PenstockError` (`invalid_request`) that names the offending field as the caller would write it."""
    try:
        contract = InferenceRequested.model_validate_json(body)
    except ValidationError as error:
        raise invalid(error, STAGE) from None
    if contract.request_id != request_id:
        raise ContractError("request_id in the body and in ce-requestid differ", stage=STAGE, param="request_id")
    if contract.api not in RULES:
        raise ContractError(f"api must be one of {', '.join(APIS)}", stage=STAGE, param="api")
    asked = check(contract.api, contract.request)
    _require_writable(asked)
    searches = contract.api in _SEARCHING and wants_search(asked)
    return Checked(contract, asked["model"], bool(asked.get("stream")), searches)


def without_grounds(body: bytes) -> bytes:
    """A body without what only the retrieval worker can say, whoever wrote it."""
    return orjson.dumps({name: value for name, value in orjson.loads(body).items() if name != "grounds"})


def check(api: str, request: dict[str, Any]) -> dict[str, Any]:
    """The request, if it keeps its API's rules. Raises `PenstockError` with the path of the first that it breaks."""
    if api == ANTHROPIC_MESSAGES and request.get("thread") is not None:
        # The conversation would be at one provider: no other could go on with it, and no cache key could name it.
        message = "thread: conversations are not kept here; send the whole of it"
        raise PenstockError(ErrorCode.THREAD_UNSUPPORTED, message, stage=STAGE, param="thread")
    try:
        RULES[api].model_validate(request)
    except ValidationError as error:
        raise invalid(error, STAGE) from None
    return request


def _require_writable(request: dict[str, Any]) -> None:
    """What can be read can be nested deeper than what can be written: the stages behind would fail on it."""
    try:
        orjson.dumps(request)
    except orjson.JSONEncodeError as error:
        what = "holds a whole number that is too large" if "Integer" in str(error) else "is nested too deeply"
        raise PenstockError(ErrorCode.INVALID_REQUEST, f"the request {what}", stage=STAGE) from None


def findings(checked: Checked, tenant: str, default_deadline: float, *, cached: bool = True) -> dict[str, str]:
    """The envelope of `validated`. `default_deadline` is in seconds since 1970, for a request that names none.

    Not `cached`: its key goes without the cache.
    """
    contract = checked.contract
    deadline = contract.deadline or datetime.fromtimestamp(default_deadline, UTC)
    found = {
        envelope.TENANT: tenant,
        envelope.API: contract.api,
        envelope.MODEL: checked.model,
        envelope.STREAM: "true" if checked.stream else "false",
        envelope.DEADLINE: envelope.rfc3339(deadline),
    }
    if control := contract.cache_control if cached else "no-store":
        found[envelope.CACHE_CONTROL] = control
    if contract.no_semantic:
        found[envelope.NO_SEMANTIC] = "true"
    if contract.residency:
        found[envelope.RESIDENCY] = contract.residency
    if contract.drop_params or contract.request.get(DROP_PARAMS) is True:
        found[envelope.DROP_PARAMS] = "true"
    if contract.api_version:
        found[envelope.API_VERSION] = contract.api_version
    if contract.beta:
        found[envelope.BETA] = contract.beta
    if contract.tags:
        found[envelope.TAGS] = write_tags(contract.tags)
    return found
