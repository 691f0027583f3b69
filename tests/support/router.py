"""Catalogues with a router, and decisions, in as few words as tests allow."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from infra.catalog import Catalog
from infra.prices import PriceBook
from tests.support.plans import catalog
from workers.routing.classifier import Verdict
from workers.routing.decision import Decision, Limits, decide
from workers.routing.facts import Facts, facts_of_prompt
from workers.routing.table import Table


def priced(dollars: int | None, name: str, **fields: Any) -> dict[str, Any]:
    """A deployment of `name` whose input and output cost so many dollars a million tokens."""
    prices = {} if dollars is None else {"prices": {"input": dollars, "output": dollars}}
    return {"name": name, **prices, **fields}


def routed(models: dict[str, Any], router: dict[str, Any] | None = None, **residencies: str) -> Catalog:
    """`tests.support.plans.catalog` with a router section."""
    plain = catalog(models, **residencies).model_dump(mode="json", by_alias=True)
    return Catalog.model_validate({**plain, "router": router or {}})


class Heard:
    """Signals as a test says them."""

    def __init__(self, seconds: Mapping[str, float] | None = None, failing: frozenset[str] = frozenset()) -> None:
        self._seconds = seconds or {}
        self._failing = failing

    def is_open(self, deployment: str) -> bool:
        return deployment in self._failing

    def seconds(self, deployment: str) -> float | None:
        return self._seconds.get(deployment)


def verdict(name: str, confidence: float = 0.9) -> Verdict:
    return Verdict(name, confidence, name, {name: confidence})


def decided(
    known: Catalog,
    asked: str = "auto",
    *,
    taken_for: str = "faq",
    facts: Facts | None = None,
    local: bool = False,
    allows: Callable[[str], bool] = lambda _: True,
    budgeted: bool = False,
    signals: Heard | None = None,
    draw: float = 0.5,
    difficulty: float | None = None,
) -> Decision:
    """The decision on a request that the classifier takes for `taken_for`."""
    alias = known.alias(asked)
    assert alias is not None
    return decide(
        alias,
        facts or facts_of_prompt("hello"),
        Limits(local, allows, budgeted),
        Table(known, PriceBook(), datetime.now(UTC)),
        classify=lambda: verdict(taken_for),
        signals=signals or Heard(),
        draw=draw,
        difficulty=lambda: difficulty,
    )
