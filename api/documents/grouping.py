"""How much is done at once. Pure."""

from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

T = TypeVar("T")
MOST_TOGETHER, MOST_BYTES = 256, 32 * 1024 * 1024
"""Documents whose content is in memory and in one transaction together."""


def groups_of(items: Sequence[T], size: Callable[[T], int]) -> Iterator[list[T]]:
    """In their order, each of at most 256 and 32 MB, or one that is larger alone. `size` is in bytes."""
    group: list[T] = []
    total = 0
    for each in items:
        if group and (len(group) == MOST_TOGETHER or total + size(each) > MOST_BYTES):
            yield group
            group, total = [], 0
        group.append(each)
        total += size(each)
    if group:
        yield group


def in_groups(items: Sequence[T], most: int) -> Iterator[Sequence[T]]:
    """In their order, at most so many together."""
    return (items[start : start + most] for start in range(0, len(items), most))
