"""From a model's name to its deployments."""

from dataclasses import dataclass

from contracts.errors import ErrorCode, PenstockError
from infra.catalog import Catalog, Deployment


@dataclass(frozen=True, slots=True)
class Route:
    """The deployments in order of preference, and why these."""

    deployments: tuple[Deployment, ...]
    reason: str


def choose(catalog: Catalog, asked: str) -> Route:
    """Raises `PenstockError` (`model_not_found`) for a name that the catalogue doesn't know."""
    model = catalog.resolve(asked)
    if model is None:
        message = f"the model «{asked}» does not exist; GET /v1/models lists those that do"
        raise PenstockError(ErrorCode.MODEL_NOT_FOUND, message, stage="routing", param="model")
    reason = f"pattern {model.name}" if model.is_pattern else "alias"
    return Route(tuple(model.deployments), reason)
