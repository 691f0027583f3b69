"""The model catalogue: which providers there are, and which deployments stand behind a model's name."""

from infra.catalog.shape import (
    CallTimeouts,
    Catalog,
    Deployment,
    Model,
    ModelName,
    Name,
    Prices,
    Provider,
    Residency,
    Timeouts,
    call_timeouts,
    load_catalog,
)
from infra.catalog.source import CatalogSource

__all__ = [
    "CallTimeouts",
    "Catalog",
    "CatalogSource",
    "Deployment",
    "Model",
    "ModelName",
    "Name",
    "Prices",
    "Provider",
    "Residency",
    "Timeouts",
    "call_timeouts",
    "load_catalog",
]
