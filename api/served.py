"""What the endpoints of files, stores and documents have in common: authenticate, check the scope, read, answer."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import orjson
from pydantic import BaseModel, ValidationError

from api.admission import admit
from api.auth import Principal, denied, require_scope
from api.dialects.dialect import STAGE
from api.exchange import Exchange
from api.front import OPENAI
from api.gateway import Gateway
from api.observed import Visit
from contracts.apis.rules.refusal import invalid
from contracts.errors import ErrorCode, PenstockError
from contracts.subjects import Lane
from infra.access.scopes import ADMIN, BATCH, DOCUMENTS, SEARCH

READERS, WRITERS, SEARCHERS, ADMINISTRATORS = (DOCUMENTS, SEARCH), (DOCUMENTS,), (SEARCH,), (ADMIN,)
"""The scopes of which a key needs one."""

STORE = "store"
"""What stands in a path for a store, by its id or its name."""

Json = dict[str, Any]
Rules = TypeVar("Rules", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Call:
    """One request of somebody who may make it. `limit` is how long its body may be, in bytes."""

    exchange: Exchange
    visit: Visit
    principal: Principal
    limit: int

    @property
    def tenant(self) -> str:
        """Whose rows it sees."""
        return self.principal.tenant

    @property
    def in_path(self) -> Mapping[str, str]:
        """What stands in the path for each `{name}`."""
        return self.exchange.in_path

    @property
    def query(self) -> Mapping[str, str]:
        """The parameters behind the path."""
        return self.exchange.query

    async def body(self, rules: type[Rules]) -> Rules:
        """The JSON body; one that is empty is an object without fields.

        Raises `PenstockError` (`invalid_request`, `request_too_large`), naming the field that is wrong.
        """
        raw = await self.exchange.read_body(self.limit)
        try:
            return rules.model_validate(orjson.loads(raw or b"{}"))
        except orjson.JSONDecodeError as error:
            raise refused(f"the request body is no JSON: {error}") from None
        except ValidationError as error:
            raise invalid(error, STAGE) from None


Handle = Callable[[Call], Awaitable[Json | None]]
"""Answers a call with the JSON that is returned, or by itself where that is None. Raises `PenstockError`."""


class Served:
    """A handler as an endpoint: only for a key with one of `scopes`, answered with `status`."""

    def __init__(self, gateway: Gateway, scopes: tuple[str, ...], handle: Handle, status: int = 200) -> None:
        self._gateway = gateway
        self._scopes = scopes
        self._handle = handle
        self._status = status

    async def __call__(self, exchange: Exchange, visit: Visit) -> None:
        """Raises `PenstockError`."""
        principal = await admit(self._gateway, exchange, visit, OPENAI, scope=None)
        require_scope(principal, *self._scopes)
        if (store := exchange.in_path.get(STORE)) is not None:
            require_store(principal, store)
        answer = await self._handle(Call(exchange, visit, principal, self._gateway.settings.max_request_bytes))
        if answer is not None:
            await exchange.reply(self._status, orjson.dumps(answer), {})


def require_store(principal: Principal, store: str, param: str | None = None) -> None:
    """Raises `PenstockError` (`permission_denied`) for a store that isn't among those that the key is bound to.

    Such a key has to call a store by its id: whose a name is can change.
    """
    if not principal.allows_store(store):
        raise denied(f"this API key may use only some stores, by their ids, and {store[:128]!r} is none of them", param)


def require_new_store(principal: Principal) -> None:
    """Raises `PenstockError` (`permission_denied`) for a key that is bound to some stores."""
    if principal.stores is not None:
        raise denied("this API key may use only some stores, and make no others")


def require_allowed_model(principal: Principal, model: str, param: str) -> None:
    """Raises `PenstockError` (`permission_denied`) for a model that the key or its tenant may not use."""
    if not principal.allows_model(model):
        raise denied(f"{param}: this API key may not use the model «{model[:128]}»", param)


def require_lane(principal: Principal, lane: Lane) -> None:
    """Raises `PenstockError` (`permission_denied`) where work is for the batch lane, and the key isn't."""
    if lane is Lane.BATCH:
        require_scope(principal, BATCH)


def refused(message: str, param: str | None = None) -> PenstockError:
    """For a request that can't be understood or done, whoever asks."""
    return PenstockError(ErrorCode.INVALID_REQUEST, message, stage=STAGE, param=param)
