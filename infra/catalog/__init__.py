"""The model catalogue: which providers there are, and which deployments stand behind a model's name."""

from infra.catalog.errors import CatalogError, EntryError, Problem
from infra.catalog.load import Loaded, load_catalog, parse_catalog, read_catalog
from infra.catalog.prices import Prices
from infra.catalog.shape import (
    CallTimeouts,
    Catalog,
    Deployment,
    Model,
    ModelName,
    Name,
    Provider,
    Residency,
    Timeouts,
    call_timeouts,
)
from infra.catalog.source import CatalogSource

__all__ = [
    "CallTimeouts",
    "Catalog",
    "CatalogError",
    "CatalogSource",
    "Deployment",
    "EntryError",
    "Loaded",
    "Model",
    "ModelName",
    "Name",
    "Prices",
    "Problem",
    "Provider",
    "Residency",
    "Timeouts",
    "call_timeouts",
    "load_catalog",
    "parse_catalog",
    "read_catalog",
]
