"""Dollars in messages: decimal strings without an exponent, which every language reads and people do."""

from decimal import Decimal
from typing import Annotated

from pydantic import PlainSerializer


def plain(amount: Decimal) -> str:
    """All of its digits, as `0.00000015`."""
    return f"{amount:f}"


Dollars = Annotated[Decimal, PlainSerializer(plain, return_type=str, when_used="json")]
