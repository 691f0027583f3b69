"""Deployments of a catalogue whose calls would cost nobody knows what."""

from datetime import datetime

from contracts.subjects import Lane
from infra.catalog import Catalog, Deployment
from infra.prices.book import PriceBook


def unpriced(catalog: Catalog, book: PriceBook, at: datetime) -> list[str]:
    """The names of deployments for which no price is known at that moment, in the catalogue's order.

    One that stands for many models counts as priced where the package knows its provider: the names are not known here.
    """
    return [name for name, deployment in catalog.deployments().items() if not _is_priced(catalog, deployment, book, at)]


def _is_priced(catalog: Catalog, deployment: Deployment, book: PriceBook, at: datetime) -> bool:
    provider = catalog.provider(deployment.provider)
    if book.prices_of(provider, deployment, deployment.model, at, Lane.INTERACTIVE) is not None:
        return True
    return "{model}" in deployment.model and book.knows(provider)
