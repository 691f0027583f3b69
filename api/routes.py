"""What answers at which path."""

from collections.abc import Mapping

from prometheus_client import CollectorRegistry
from sqlalchemy.ext.asyncio import AsyncEngine
from starlette.applications import Starlette
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from api import openapi
from api.dialects.dialect import STAGE, Dialect, Header
from api.exchange import Exchange
from api.front import FRONTS, RESPONSES, spoken_by
from api.gateway import Gateway
from api.health import Health
from api.inference import Inference
from api.models import Models
from api.observed import Endpoint, Observed, Visit
from api.responses import Responses
from contracts.errors import ErrorCode, PenstockError
from infra.responses import ResponseStore


def create_app(gateway: Gateway, engine: AsyncEngine, registry: CollectorRegistry) -> Starlette:
    """The routes."""
    doors = _Doors(gateway)
    health, models = Health(gateway, engine, registry), Models(gateway)
    responses = Responses(gateway, ResponseStore(gateway.connection.js, engine, STAGE))
    not_found = Observed(gateway, "/{path}", _not_found, spoken_by)
    app = Starlette(
        routes=[
            *(doors.door(front.path, {"POST": Inference(gateway, front)}, front.dialect) for front in FRONTS),
            doors.door("/v1/responses", {"POST": responses.create}, RESPONSES),
            doors.door("/v1/responses/{id}", {"GET": responses.retrieve, "DELETE": responses.delete}, RESPONSES),
            doors.door("/v1/responses/{id}/cancel", {"POST": responses.cancel}, RESPONSES),
            doors.door("/v1/responses/{id}/input_items", {"GET": responses.input_items}, RESPONSES),
            doors.door("/v1/models", {"GET": models.list}),
            doors.door("/v1/models/{name:path}", {"GET": models.one}, name="/v1/models/{name}"),
            doors.door(openapi.PATH, {"GET": openapi.serve}),
            doors.door("/healthz", {"GET": health.healthz}),
            doors.door("/readyz", {"GET": health.readyz}),
            doors.door("/metrics", {"GET": health.metrics}),
            Route("/{path:path}", not_found),
        ]
    )
    # A path with a line break in it is matched by no route.
    app.router.default = not_found
    return app


class _Doors:
    """Makes routes whose errors are in the API's own shape."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway

    def door(
        self, path: str, by_method: Mapping[str, Endpoint], dialect: Dialect | None = None, name: str | None = None
    ) -> Route:
        """One path and its methods; without a dialect, the one that the caller speaks. `name` is what spans say."""

        def speaks(header: Header) -> Dialect:
            return dialect or spoken_by(header)

        allowed = (*by_method, "HEAD") if "GET" in by_method else tuple(by_method)
        right = {method: Observed(self._gateway, name or path, end, speaks) for method, end in by_method.items()}
        return Route(path, _ByMethod(right, Observed(self._gateway, name or path, _only(allowed), speaks)))


class _ByMethod:
    """One path, its methods; any other is told so."""

    def __init__(self, right: Mapping[str, Observed], wrong: Observed) -> None:
        self._right = {**right, "HEAD": right["GET"]} if "GET" in right else right
        self._wrong = wrong

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._right.get(scope["method"], self._wrong)(scope, receive, send)


async def _not_found(exchange: Exchange, _: Visit) -> None:
    raise PenstockError(ErrorCode.NOT_FOUND, f"there is nothing at {exchange.path}", stage=STAGE)


def _only(allowed: tuple[str, ...]) -> Endpoint:
    async def refuse(exchange: Exchange, _: Visit) -> None:
        exchange.answer_headers["allow"] = ", ".join(allowed)
        message = f"{exchange.method} is not a method of {exchange.path}"
        raise PenstockError(ErrorCode.METHOD_NOT_ALLOWED, message, stage=STAGE)

    return refuse
