"""`limit`, `order`, `after` and `before` of a list. Pure."""

from collections.abc import Mapping, Sequence
from typing import Final

from api.served import Json, refused
from infra.index.paging import Order, Paging

USUAL, MOST = 20, 100
"""Entries of a page, as OpenAI has them: https://platform.openai.com/docs/api-reference/vector-stores/list."""
MOST_FILES: Final = 10_000
_ORDERS: Final[tuple[Order, ...]] = ("asc", "desc")


def paging_of(query: Mapping[str, str], *, usual: int = USUAL, most: int = MOST) -> Paging:
    """Raises `PenstockError` (`invalid_request`) for a parameter that is none."""
    order = query.get("order", "desc")
    known = next((each for each in _ORDERS if each == order), None)
    if known is None:
        raise refused(f"order: must be {' or '.join(_ORDERS)}", "order")
    return Paging(limit_of(query, usual, most), known, query.get("after"), query.get("before"))


def limit_of(query: Mapping[str, str], usual: int, most: int) -> int:
    """How many entries are wanted, from 1 to `most`. Raises `PenstockError` (`invalid_request`) for what is none."""
    asked = query.get("limit", str(usual))
    if not (asked.isascii() and asked.isdecimal() and len(asked) < 10 and 1 <= int(asked) <= most):
        raise refused(f"limit: must be a whole number from 1 to {most}", "limit")
    return int(asked)


def page_in(entries: Sequence[Json], paging: Paging) -> tuple[Sequence[Json], bool]:
    """A page of a list that is all there, the oldest first; as `infra.index.paging.read_page` finds one.

    Raises `PenstockError` (`invalid_request`) for a cursor that is no entry.
    """
    ordered = entries if paging.order == "asc" else entries[::-1]
    places = {each["id"]: number for number, each in enumerate(ordered)}
    for name, cursor in (("after", paging.after), ("before", paging.before)):
        if cursor is not None and cursor not in places:
            raise refused(f"`{name}` names no entry of this list", name)
    begin = 0 if paging.after is None else places[paging.after] + 1
    rest = ordered[begin : len(ordered) if paging.before is None else places[paging.before]]
    backwards = paging.before is not None and paging.after is None
    return rest[-paging.limit :] if backwards else rest[: paging.limit], len(rest) > paging.limit
