"""GET /v1/models: what the catalogue offers, in the shape of the API that the caller speaks."""

from collections.abc import Callable
from typing import Any

import orjson

from api.admission import admit
from api.dialects.dialect import STAGE, Dialect
from api.exchange import Exchange
from api.front import ANTHROPIC, spoken_by
from api.gateway import Gateway
from api.observed import Visit
from contracts.errors import ErrorCode, PenstockError
from infra.catalog import Catalog, Model, Router
from infra.catalog.router import BUILT_IN_ALIASES

_NO_DATE = "1970-01-01T00:00:00Z"


def model_list(catalog: Catalog, dialect: Dialect, allows: Callable[[str], bool] = lambda _: True) -> dict[str, Any]:
    """Those that `allows` lets through. Patterns are left out: they stand for names that only the provider knows."""
    offered = (model for model in catalog.models if not model.is_pattern and allows(model.name))
    found = [model_object(model, model.name, dialect) for model in offered]
    found += [alias_object(name, dialect) for name in aliases(catalog)]
    if dialect is not ANTHROPIC:
        return {"object": "list", "data": found}
    ends = {"first_id": found[0]["id"], "last_id": found[-1]["id"]} if found else {"first_id": None, "last_id": None}
    return {"data": found, "has_more": False, **ends}


def model_object(model: Model, name: str, dialect: Dialect) -> dict[str, Any]:
    """One of them. The catalogue knows no date of birth, so that is the beginning of 1970."""
    if dialect is ANTHROPIC:
        return {"type": "model", "id": name, "display_name": name, "created_at": _NO_DATE}
    return {"id": name, "object": "model", "created": 0, "owned_by": model.deployments[0].provider}


def aliases(catalog: Catalog) -> list[str]:
    """The router's names, where the catalogue has a section for it: what they stand for is asked about each model."""
    router = catalog.router
    if router == Router():
        return []
    names = dict.fromkeys((*BUILT_IN_ALIASES, *(alias.name for alias in router.aliases)))
    return [name for name in names if catalog.alias(name) is not None]


def alias_object(name: str, dialect: Dialect) -> dict[str, Any]:
    """One of the router's names, as a model is listed."""
    if dialect is ANTHROPIC:
        return {"type": "model", "id": name, "display_name": name, "created_at": _NO_DATE}
    return {"id": name, "object": "model", "created": 0, "owned_by": "penstock"}


class Models:
    """The list, and one by its name."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway

    async def list(self, exchange: Exchange, visit: Visit) -> None:
        """GET /v1/models."""
        dialect = spoken_by(exchange.header)
        principal = await admit(self._gateway, exchange, visit, dialect, scope=None)
        offered = model_list(self._gateway.catalog.current, dialect, principal.allows_model)
        await exchange.reply(200, orjson.dumps(offered), {})

    async def one(self, exchange: Exchange, visit: Visit) -> None:
        """GET /v1/models/{name}; names with a slash too."""
        dialect = spoken_by(exchange.header)
        principal = await admit(self._gateway, exchange, visit, dialect, scope=None)
        name = exchange.path.removeprefix("/v1/models/")
        catalog = self._gateway.catalog.current
        if catalog.alias(name) is not None:
            await exchange.reply(200, orjson.dumps(alias_object(name, dialect)), {})
            return
        model = catalog.resolve(name)
        if model is None or not principal.allows_model(name):
            message = f"the model «{name}» does not exist"
            raise PenstockError(ErrorCode.MODEL_NOT_FOUND, message, stage=STAGE, param="model")
        await exchange.reply(200, orjson.dumps(model_object(model, name, dialect)), {})
