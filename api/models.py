"""GET /v1/models: what the catalogue offers."""

from typing import Any

import orjson

from api.errors import STAGE
from api.exchange import Exchange
from api.gateway import Gateway
from api.observed import Visit
from contracts.errors import ErrorCode, PenstockError
from infra.catalog import Catalog, Model


def model_list(catalog: Catalog) -> dict[str, Any]:
    """OpenAI's list. Patterns are left out: they stand for names that only the provider knows."""
    return {
        "object": "list",
        "data": [model_object(model, model.name) for model in catalog.models if not model.is_pattern],
    }


def model_object(model: Model, name: str) -> dict[str, Any]:
    """OpenAI's model object. The catalogue knows no date of birth, so `created` is 0."""
    return {"id": name, "object": "model", "created": 0, "owned_by": model.deployments[0].provider}


class Models:
    """The list, and one by its name."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway

    async def list(self, exchange: Exchange, visit: Visit) -> None:
        """GET /v1/models."""
        await self._authenticate(exchange, visit)
        await exchange.reply(200, orjson.dumps(model_list(self._gateway.catalog.current)), {})

    async def one(self, exchange: Exchange, visit: Visit) -> None:
        """GET /v1/models/{name}; names with a slash too."""
        await self._authenticate(exchange, visit)
        name = exchange.path.removeprefix("/v1/models/")
        model = self._gateway.catalog.current.resolve(name)
        if model is None:
            message = f"the model «{name}» does not exist"
            raise PenstockError(ErrorCode.MODEL_NOT_FOUND, message, stage=STAGE, param="model")
        await exchange.reply(200, orjson.dumps(model_object(model, name)), {})

    async def _authenticate(self, exchange: Exchange, visit: Visit) -> None:
        principal = await self._gateway.authenticator.authenticate(exchange.header("authorization"))
        visit.facts |= {"tenant": principal.tenant, "key_id": principal.key_id}
