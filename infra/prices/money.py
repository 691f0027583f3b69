"""Tokens and prices to money: exact decimals from end to end."""

from decimal import ROUND_HALF_UP, Decimal

from contracts.apis.fields import Json
from contracts.apis.limits import answers, max_output_tokens
from contracts.inference import TokenUsage
from infra.catalog import Deployment
from infra.catalog.prices import PriceSet, Rates

SCALE = 10
"""Decimals of a dollar that a cost has at most: those of the ledger's column, NUMERIC(20, 10). A price with more than
four decimals per million tokens can cost a fraction of the last one; it is rounded here, half up, so that the answer's
header, the budget and the ledger's row are one figure."""
_MILLION, _THOUSAND = -6, -3
_LAST = Decimal(1).scaleb(-SCALE)


def cost(usage: TokenUsage, prices: PriceSet) -> Decimal | None:
    """Dollars of a call; None where it has output and the output's price is not known.

    Cached input, what was written into the provider's cache, and audio are parts of the input that don't overlap;
    reasoning and audio are such parts of the output. A part is charged at its own rate and the rest at the whole's. A
    provider that reports parts which are more than the whole is charged for the whole.
    """
    rates = prices.rates(usage.input_tokens)
    spent = _input(usage, rates)
    if usage.output_tokens:
        if rates.output is None:
            return None
        spent += _output(usage, rates, rates.output)
    return _money(spent, prices, charged=bool(usage.input_tokens or usage.output_tokens))


def ceiling(input_tokens: int, output_tokens: int, prices: PriceSet) -> Decimal | None:
    """The most dollars that so many tokens can cost: each at the dearest rate of its kind.

    None where there is output and its price is not known. The tier is that of `input_tokens`, which is an estimate.
    """
    rates = prices.rates(input_tokens)
    inputs = (rates.input, rates.cached_input, rates.cache_write, rates.cache_write_1h, rates.input_audio)
    spent = input_tokens * max(rate for rate in inputs if rate is not None)
    if output_tokens:
        if rates.output is None:
            return None
        outputs = (rates.output, rates.reasoning, rates.output_audio)
        spent += output_tokens * max(rate for rate in outputs if rate is not None)
    return _money(spent, prices, charged=True)


def most_output(api: str, request: Json, deployment: Deployment, otherwise: int) -> int:
    """Tokens that an answer can have at most.

    What the caller allows; else what the deployment's `max_output_tokens` says, else `otherwise`, for each answer.
    """
    asked = max_output_tokens(api, request)
    return asked if asked is not None else answers(api, request) * (deployment.max_output_tokens or otherwise)


def _input(usage: TokenUsage, rates: Rates) -> Decimal:
    left = usage.input_tokens
    cached, left = _part(usage.cached_input_tokens, left)
    written, left = _part(usage.cache_write_tokens, left)
    audio, left = _part(usage.input_audio_tokens, left)
    for_an_hour, written = _part(usage.cache_write_1h_tokens, written)
    write = _or(rates.cache_write, rates.input)
    return (
        left * rates.input
        + cached * _or(rates.cached_input, rates.input)
        + written * write
        + for_an_hour * _or(rates.cache_write_1h, write)
        + audio * _or(rates.input_audio, rates.input)
    )


def _output(usage: TokenUsage, rates: Rates, rate: Decimal) -> Decimal:
    reasoning, left = _part(usage.reasoning_tokens, usage.output_tokens)
    audio, left = _part(usage.output_audio_tokens, left)
    return left * rate + reasoning * _or(rates.reasoning, rate) + audio * _or(rates.output_audio, rate)


def _part(part: int, whole: int) -> tuple[int, int]:
    """So much of the whole, and what is left of it."""
    taken = min(part, whole)
    return taken, whole - taken


def _or(rate: Decimal | None, otherwise: Decimal) -> Decimal:
    return otherwise if rate is None else rate


def _money(spent: Decimal, prices: PriceSet, *, charged: bool) -> Decimal:
    """`spent` is in millionths of a dollar. A call that used nothing is not charged for as a call either."""
    dollars = spent.scaleb(_MILLION) + (prices.requests.scaleb(_THOUSAND) if charged else 0)
    rounded = dollars.quantize(_LAST, ROUND_HALF_UP)
    return dollars if dollars == rounded else rounded
