"""What a deployment's tokens cost, and from when on."""

from datetime import UTC, date, datetime
from decimal import Decimal
from itertools import pairwise
from typing import Annotated, Any, TypeAlias

from pydantic import AfterValidator, AwareDatetime, BeforeValidator, ConfigDict, Discriminator, Field, Tag
from pydantic_core import PydanticCustomError

from infra.catalog.entry import Entry

Dollars: TypeAlias = Annotated[Decimal, Field(ge=0)]
ONE, SEVERAL = "one price set", "price sets"
"""What pydantic calls the two ways to write prices; neither stands in a catalogue's text."""


class Rates(Entry):
    """Dollars per million tokens of each kind. A kind that is not named costs what the kind does that it is part of.

    Cached input and what is written into the provider's cache are part of the input; reasoning is part of the output.
    """

    input: Dollars
    output: Annotated[Dollars | None, Field(description="Unknown where it is not named: for embeddings, that is.")] = (
        None
    )
    cached_input: Annotated[Dollars | None, Field(description="Read from the provider's cache; else as input.")] = None
    cache_write: Annotated[Dollars | None, Field(description="Written into it; else as input.")] = None
    cache_write_1h: Annotated[Dollars | None, Field(description="… for an hour; else as cache_write.")] = None
    reasoning: Annotated[Dollars | None, Field(description="Else as output.")] = None
    input_audio: Annotated[Dollars | None, Field(description="Else as input.")] = None
    output_audio: Annotated[Dollars | None, Field(description="Else as output.")] = None


class Tier(Rates):
    """The rates of a call whose input, cached or not, is longer than `above`: of all its tokens."""

    above: Annotated[int, Field(ge=1, description="Input tokens.")]


def _ascending(tiers: tuple[Tier, ...]) -> tuple[Tier, ...]:
    if any(before.above >= after.above for before, after in pairwise(tiers)):
        raise PydanticCustomError("catalog", "tiers ascend: each begins above the one before")
    return tiers


class PriceSet(Rates):
    """What a call costs: the rates of its tokens, and what the call itself costs beside them."""

    requests: Annotated[Dollars, Field(description="Dollars per thousand calls, beside the tokens.")] = Decimal(0)
    tiers: Annotated[tuple[Tier, ...], AfterValidator(_ascending)] = ()

    def rates(self, input_tokens: int) -> Rates:
        """The rates of a call with so long an input."""
        return next((tier for tier in reversed(self.tiers) if input_tokens > tier.above), self)


def _instant(value: object) -> object:
    """A day begins at 00:00 UTC. YAML makes a date of one by itself; JSON has text."""
    if isinstance(value, str) and len(value) == len("2026-01-31"):
        value = date.fromisoformat(value)
    if isinstance(value, date) and not isinstance(value, datetime):
        return datetime(value.year, value.month, value.day, tzinfo=UTC)
    return value


class Prices(PriceSet):
    """A price set of a deployment, and since when it holds. `batch` is for the batch lane; else that costs the same."""

    model_config = ConfigDict(validate_by_name=True, validate_by_alias=True, serialize_by_alias=True)

    since: Annotated[AwareDatetime | None, BeforeValidator(_instant), Field(alias="from")] = None
    batch: PriceSet | None = None


def _dated(listed: tuple[Prices, ...]) -> tuple[Prices, ...]:
    if len({prices.since for prices in listed}) < len(listed):
        raise PydanticCustomError("catalog", "two price sets hold from the same moment")
    return listed


def _way(value: Any) -> str:  # noqa: ANN401 - whatever a catalogue holds there
    return SEVERAL if isinstance(value, list | tuple) else ONE


_Several = Annotated[tuple[Prices, ...], Field(min_length=1), AfterValidator(_dated)]
DatedPrices = Annotated[Annotated[Prices, Tag(ONE)] | Annotated[_Several, Tag(SEVERAL)], Discriminator(_way)]
"""One price set that always holds, or several with the moments from which they do."""


def in_effect(prices: Prices | tuple[Prices, ...] | None, at: datetime) -> Prices | None:
    """The price set that holds at a moment: the one that began last; None where none had begun."""
    listed = prices if isinstance(prices, tuple) else () if prices is None else (prices,)
    begun = [one for one in listed if one.since is None or one.since <= at]
    return max(begun, key=lambda one: one.since or _EVER, default=None)


_EVER = datetime.min.replace(tzinfo=UTC)
