"""What calls cost: by the catalogue's own prices, else by those that genai-prices knows; unknown where neither does."""

from infra.catalog.prices import PriceSet
from infra.prices.book import PriceBook, load_prices
from infra.prices.money import SCALE, ceiling, cost, most_output
from infra.prices.unpriced import unpriced

__all__ = ["SCALE", "PriceBook", "PriceSet", "ceiling", "cost", "load_prices", "most_output", "unpriced"]
