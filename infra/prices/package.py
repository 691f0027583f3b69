"""The prices that genai-prices knows, out of the data in its wheel. Nothing here asks the network for newer ones.

The package's own updates begin with `UpdatePrices`, which we never make. https://github.com/pydantic/genai-prices
"""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from functools import lru_cache

from genai_prices import data, types
from genai_prices.data_snapshot import DataSnapshot

from infra.catalog import Provider
from infra.catalog.prices import PriceSet, Tier

_KINDS = {
    "input": "input_mtok",
    "output": "output_mtok",
    "cached_input": "cache_read_mtok",
    "cache_write": "cache_write_mtok",
    "cache_write_1h": "cache_write_1h_mtok",
    "reasoning": "output_reasoning_mtok",
    "input_audio": "input_audio_mtok",
    "output_audio": "output_audio_mtok",
}
_NAMES = 4096
"""Names that are remembered: callers choose them where a deployment stands for all names with a prefix."""
_Price = Decimal | types.TieredPrices


class Package:
    """Looks models up. What the package charges for by another unit than tokens and calls (hours of audio, pages,
    searches) is not counted; a model that has no price for input tokens has none at all."""

    def __init__(self) -> None:
        self._snapshot = DataSnapshot(data.providers, from_auto_update=False)
        self._found = lru_cache(_NAMES)(self._find)
        self._read: dict[int, PriceSet | None] = {}
        """What was read already, by the identity of the package's own price, which lives as long as the process."""

    def prices_of(
        self, provider: Provider, provider_model: str, at: datetime, terms: Mapping[str, str]
    ) -> PriceSet | None:
        """The package's prices of a model at a moment, by its own rules for dates and times of day; None without.

        Terms that it knows nothing of cost the usual.
        """
        found = self._found(provider.priced_as, str(provider.base_url), provider_model)
        if found is None:
            return None
        if terms:
            return _price_set(found.get_prices(at, terms))
        standard = found.get_prices(at)
        if id(standard) not in self._read:
            self._read[id(standard)] = _price_set(standard)
        return self._read[id(standard)]

    def knows(self, provider: Provider) -> bool:
        """Whether there are prices of the provider's models."""
        return self._provider(provider.priced_as, str(provider.base_url)) is not None

    def _find(self, named: str | None, url: str, model: str) -> types.ModelInfo | None:
        provider = self._provider(named, url)
        return None if provider is None else provider.find_model(model, all_providers=self._snapshot.providers)

    def _provider(self, named: str | None, url: str) -> types.Provider | None:
        try:
            return self._snapshot.find_provider(None, named, None if named else url)
        except LookupError:
            return None


def _price_set(prices: types.ModelPrice) -> PriceSet | None:
    """A tier of one kind of tokens begins a tier of all kinds."""
    known: dict[str, _Price] = {
        kind: price for kind, name in _KINDS.items() if (price := vars(prices).get(name)) is not None
    }
    if "input" not in known:
        return None
    begins = {tier.start for price in known.values() if isinstance(price, types.TieredPrices) for tier in price.tiers}
    tiers = tuple(Tier(above=start, **_rates(known, start)) for start in sorted(begins))
    calls = vars(prices).get("requests_kcount")
    return PriceSet(tiers=tiers, requests=calls if isinstance(calls, Decimal) else Decimal(0), **_rates(known, -1))


def _rates(known: dict[str, _Price], start: int) -> dict[str, Decimal]:
    return {kind: _rate(price, start) for kind, price in known.items()}


def _rate(price: _Price, start: int) -> Decimal:
    """The rate of a tier; that of the shortest prompts for a start before all of them."""
    if isinstance(price, Decimal):
        return price
    return next((tier.price for tier in reversed(price.tiers) if tier.start <= start), price.base)
