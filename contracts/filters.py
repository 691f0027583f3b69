"""Filters over a document's attributes, as OpenAI's vector stores API has them: comparisons under `and` and `or`."""

from dataclasses import dataclass
from typing import Literal, TypeAlias

Scalar: TypeAlias = str | float | bool
"""What an attribute can hold. Text, numbers and booleans never equal each other."""
Operator: TypeAlias = Literal["eq", "ne", "gt", "gte", "lt", "lte", "in", "nin"]
Junction: TypeAlias = Literal["and", "or"]


@dataclass(frozen=True, slots=True)
class Comparison:
    """One attribute against a value, or against several for `in` and `nin`, whose `value` is a tuple.

    Only text with text or a number with a number has an order, that of code points for text. An attribute that is not
    there equals nothing, so `ne` and `nin` hold for it.
    """

    key: str
    operator: Operator
    value: Scalar | tuple[Scalar, ...]


@dataclass(frozen=True, slots=True)
class Compound:
    """All of the filters, or any of them. All of none is everything, any of none is nothing."""

    junction: Junction
    filters: tuple["Comparison | Compound", ...]


Filter: TypeAlias = Comparison | Compound
