"""Which prices a call has."""

import asyncio
from collections.abc import Mapping
from datetime import datetime
from importlib import import_module
from typing import TYPE_CHECKING

from contracts.subjects import Lane
from infra.catalog import Catalog, Deployment, Provider
from infra.catalog.prices import PriceSet, in_effect

if TYPE_CHECKING:
    from infra.prices.package import Package

_STANDARD: Mapping[str, str] = {}


class PriceBook:
    """The prices of all calls. The catalogue's go over the package's, which are loaded where they are first needed."""

    def __init__(self) -> None:
        self._package: Package | None = None

    def prices_of(  # noqa: PLR0913, PLR0917 - all that a price depends on
        self,
        provider: Provider,
        deployment: Deployment,
        provider_model: str,
        at: datetime,
        lane: Lane,
        terms: Mapping[str, str] = _STANDARD,
    ) -> PriceSet | None:
        """The prices of a call that begins `at`; None where none are known.

        The deployment's own that hold then, in the batch lane their `batch`; else those that genai-prices has for the
        provider and model then, by the terms of the call (`contracts.apis.terms`). Its own hold on all terms.
        """
        own = in_effect(deployment.prices, at)
        if own is not None:
            return own.batch if lane is Lane.BATCH and own.batch is not None else own
        return self._loaded().prices_of(provider, provider_model, at, terms)

    def knows(self, provider: Provider) -> bool:
        """Whether genai-prices has prices of the provider's models."""
        return self._loaded().knows(provider)

    def _loaded(self) -> "Package":
        if self._package is None:
            from infra.prices.package import Package

            self._package = Package()
        return self._package


async def load_prices(catalog: Catalog) -> None:
    """Load the package's prices off the event loop, where the catalogue needs them: 0.12 s, 5 MiB."""
    if any(deployment.prices is None for deployment in catalog.deployments().values()):
        await asyncio.to_thread(import_module, "infra.prices.package")
