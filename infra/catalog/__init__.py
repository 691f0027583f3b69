"""The model catalogue: which providers there are, and which deployments stand behind a model's name."""

from infra.catalog.errors import CatalogError, EntryError, Problem
from infra.catalog.load import Loaded, load_catalog, parse_catalog, read_catalog
from infra.catalog.prices import Prices
from infra.catalog.router import Alias, Option, Policy, RouteClass, Router, Rule
from infra.catalog.shape import (
    CallTimeouts,
    Capability,
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
    "Alias",
    "CallTimeouts",
    "Capability",
    "Catalog",
    "CatalogError",
    "CatalogSource",
    "Deployment",
    "EntryError",
    "Loaded",
    "Model",
    "ModelName",
    "Name",
    "Option",
    "Policy",
    "Prices",
    "Problem",
    "Provider",
    "Residency",
    "RouteClass",
    "Router",
    "Rule",
    "Timeouts",
    "call_timeouts",
    "load_catalog",
    "parse_catalog",
    "read_catalog",
]
