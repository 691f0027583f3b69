"""What answers at which path."""

from sqlalchemy.ext.asyncio import AsyncEngine
from starlette.applications import Starlette
from starlette.routing import Route

from api import openapi
from api.admin.routes import admin_routes
from api.dialects.dialect import STAGE
from api.documents.routes import document_routes
from api.doors import Doors
from api.exchange import Exchange
from api.front import FRONTS, OPENAI, RESPONSES, spoken_by
from api.gateway import Gateway
from api.health import Health
from api.inference import Inference
from api.metrics import Metrics
from api.models import Models
from api.observed import Observed, Visit
from api.reindexing.routes import reindexing_routes
from api.responses import Responses
from api.retrieval.routes import retrieval_routes
from api.usage.endpoint import UsageEndpoint
from contracts.errors import ErrorCode, PenstockError
from infra.responses import ResponseStore


def create_app(gateway: Gateway, engine: AsyncEngine, metrics: Metrics) -> Starlette:
    """The routes."""
    doors = Doors(gateway)
    health, models = Health(gateway, engine), Models(gateway)
    responses = Responses(gateway, ResponseStore(gateway.connection.js, engine, STAGE))
    not_found = Observed(gateway, "/{path}", _not_found, spoken_by)
    app = Starlette(
        routes=[
            *(doors.door(front.path, {"POST": Inference(gateway, front)}, front.dialect) for front in FRONTS),
            doors.door("/v1/responses", {"POST": responses.create}, RESPONSES),
            doors.door("/v1/responses/{id}", {"GET": responses.retrieve, "DELETE": responses.delete}, RESPONSES),
            doors.door("/v1/responses/{id}/cancel", {"POST": responses.cancel}, RESPONSES),
            doors.door("/v1/responses/{id}/input_items", {"GET": responses.input_items}, RESPONSES),
            *document_routes(doors, gateway),
            *retrieval_routes(doors, gateway),
            *reindexing_routes(doors, gateway),
            *admin_routes(doors, gateway),
            doors.door("/v1/usage", {"GET": UsageEndpoint(gateway)}, OPENAI),
            doors.door("/v1/models", {"GET": models.list}),
            doors.door("/v1/models/{name:path}", {"GET": models.one}, name="/v1/models/{name}"),
            doors.door(openapi.PATH, {"GET": openapi.serve}),
            doors.door("/healthz", {"GET": health.healthz}),
            doors.door("/readyz", {"GET": health.readyz}),
            doors.door("/metrics", {"GET": metrics}),
            Route("/{path:path}", not_found),
        ]
    )
    # A path with a line break in it is matched by no route.
    app.router.default = not_found
    return app


async def _not_found(exchange: Exchange, _: Visit) -> None:
    raise PenstockError(ErrorCode.NOT_FOUND, f"there is nothing at {exchange.path}", stage=STAGE)
