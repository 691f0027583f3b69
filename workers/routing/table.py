"""What is known of each model that can be chosen: made once a catalogue, so that a decision only looks it up."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from contracts.inference import TokenUsage
from contracts.subjects import Lane
from infra.catalog import Catalog, Deployment
from infra.prices import PriceBook, cost

_CALL = TokenUsage(input_tokens=1000, output_tokens=500)
"""By which prices are compared."""


@dataclass(frozen=True, slots=True)
class Offer:
    """One model: its deployments, and the dollars of a call of 1,000 tokens in and 500 out on the cheapest of these.

    `prices` are by deployment; None where nobody knows one. `quality` is what the catalogue says of it.
    """

    name: str
    deployments: tuple[Deployment, ...]
    local: frozenset[str]
    prices: Mapping[str, Decimal | None]
    quality: float | None

    @property
    def price(self) -> Decimal | None:
        """Of the cheapest deployment whose price is known."""
        return min((price for price in self.prices.values() if price is not None), default=None)

    @property
    def is_local(self) -> bool:
        """Whether all of its deployments are in the house."""
        return len(self.local) == len(self.deployments)


class Table:
    """The offers of one catalogue, at prices of one moment."""

    def __init__(self, catalog: Catalog, book: PriceBook, at: datetime) -> None:
        self.catalog = catalog
        self._book = book
        self._at = at
        self._offers: dict[str, Offer | None] = {}

    def offer(self, name: str) -> Offer | None:
        """What is known of a model; None where the catalogue has none of that name."""
        if name not in self._offers:
            self._offers[name] = self._make(name)
        return self._offers[name]

    def everything(self) -> tuple[str, ...]:
        """The models that have a name of their own and write texts, the cheapest first, those without a price last."""
        named = (model.name for model in self.catalog.models if not model.is_pattern)
        offers = [offer for name in named if (offer := self.offer(name)) is not None and self._writes(offer)]
        return tuple(offer.name for offer in by_price(offers))

    def _make(self, name: str) -> Offer | None:
        model = self.catalog.resolve(name)
        if model is None:
            return None
        return Offer(
            name=name,
            deployments=tuple(model.deployments),
            local=frozenset(one.name for one in model.deployments if self.catalog.residency(one) == "local"),
            prices={one.name: self.cost(one, name, _CALL) for one in model.deployments},
            quality=model.quality,
        )

    def cost(self, deployment: Deployment, asked: str, usage: TokenUsage) -> Decimal | None:
        """Dollars of a call of a deployment for a model's name; None where nobody knows its price."""
        provider = self.catalog.provider(deployment.provider)
        found = self._book.prices_of(provider, deployment, deployment.provider_model(asked), self._at, Lane.INTERACTIVE)
        return None if found is None else cost(usage, found)

    def _writes(self, offer: Offer) -> bool:
        """A model for embeddings has a price for its input alone, or says what it is in its name."""
        if "embed" in offer.name.lower():
            return False
        return offer.price is not None or not any(_priced(deployment) for deployment in offer.deployments)


def by_price(offers: Iterable[Offer]) -> list[Offer]:
    """The cheapest first; those whose price nobody knows last, in the order in which they come."""
    return sorted(offers, key=lambda offer: (offer.price is None, offer.price or Decimal(0)))


def _priced(deployment: Deployment) -> bool:
    return deployment.prices is not None
