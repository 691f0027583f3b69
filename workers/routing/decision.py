"""Which models may answer a request for `auto`, in which order, and why not the others. Pure, and in this order:

what must be (residency, capability, context window, allowed models, a known price under a budget), rules, the
classifier, the policy among what is left by price, latency and health, and last the canaries' shares.
"""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Protocol

from infra.catalog import Deployment, Option, Policy, Router
from infra.catalog.conditions import compiled
from infra.catalog.router import Alias, Difficulty
from workers.routing.classifier import Verdict
from workers.routing.facts import Facts
from workers.routing.table import Offer, Table

_POLICIES: Mapping[str, Policy] = {"code": "quality", "reasoning": "quality"}
"""Of a class whose models nobody has listed: the best for what is hard, else the cheapest."""
INTERNAL = "internal"


class Signals(Protocol):
    """What is known of how models do just now."""

    def is_open(self, deployment: str) -> bool:
        """Whether calls of it are held back because it fails."""
        ...

    def seconds(self, deployment: str) -> float | None:
        """What a call of it takes; None where none was seen."""
        ...


@dataclass(frozen=True, slots=True)
class Limits:
    """What a request's models must keep. `local`: it may not leave the house. `budgeted`: a price must be known."""

    local: bool
    allows: Callable[[str], bool]
    budgeted: bool = False


@dataclass(frozen=True, slots=True)
class Passed:
    """A model that was not taken, and what stood in the way: a word of few."""

    model: str
    reason: str


@dataclass(frozen=True, slots=True)
class Decision:
    """`models` in the order in which they are tried; empty where none is left, and `passed` says why.

    `usable` are the deployments of each that keep the limits. `rule` is the one that decided, if one did. `bound`: its
    class may never be answered outside.
    """

    asked: str
    name: str
    policy: Policy
    models: tuple[str, ...]
    usable: Mapping[str, tuple[Deployment, ...]]
    passed: tuple[Passed, ...]
    verdict: Verdict | None
    rule: str | None
    local: bool
    difficulty: float | None = None
    bound: bool = False

    @property
    def label(self) -> str:
        """Few and stable, for reports: `auto/code/gpt-5`, or `auto/rule:long/gpt-5`."""
        by = f"rule:{self.rule}" if self.rule else self.name
        return f"{self.asked}/{by}/{self.models[0]}" if self.models else f"{self.asked}/{by}"


def decide(  # noqa: PLR0913 - what a decision rests on
    alias: Alias,
    facts: Facts,
    limits: Limits,
    table: Table,
    *,
    classify: Callable[[], Verdict],
    signals: Signals,
    draw: float,
    difficulty: Callable[[], float | None] = lambda: None,
) -> Decision:
    """`draw` is between 0 and 1, the same for a request however often it is decided on. See the module.

    `difficulty` is the probability that a strong model is needed, None where nobody has trained what tells that.
    """
    router = table.catalog.router
    fields = facts.fields()
    rule = next((rule for rule in router.rules if compiled(rule.when)(fields)), None)
    verdict = None
    if rule is None and not alias.models:
        verdict = classify()
    name = (rule.to if rule else None) or (verdict.name if verdict else router.otherwise)
    options = (rule.models if rule else None) or alias.models or _options(router, name, table)
    configured = router.class_of(name) if not (rule and rule.models) else None
    bound = configured is not None and configured.residency == "local"
    local = limits.local or bound
    passed: list[Passed] = []
    usable = _usable(options, facts, Limits(local, limits.allows, limits.budgeted), table, passed)
    policy = _policy(router, name, alias, rule.policy if rule else None, listed=_is_listed(router, name, alias, rule))
    ordered = _ordered(policy, [offer for offer in map(table.offer, usable) if offer], usable, signals)
    if name == INTERNAL and policy != "listed":
        ordered.sort(key=lambda offer: not offer.is_local)
    hard = _divided(router.difficulty_of(str(facts.told.get("tenant", "")), name), ordered, difficulty)
    ordered.sort(key=lambda offer: all(signals.is_open(one.name) for one in usable[offer.name]))
    models = _with_canaries([offer.name for offer in ordered], options, draw)
    return Decision(
        asked=alias.name,
        name=name,
        policy=policy,
        models=tuple(models),
        usable=usable,
        passed=(*passed, *_behind(models, usable, signals)),
        verdict=verdict,
        rule=rule.name if rule else None,
        local=local,
        difficulty=hard,
        bound=bound,
    )


def draw_of(request_id: str) -> float:
    """A number from 0 to 1 that is a request's own, so that a message that comes again is decided on alike."""
    return int.from_bytes(hashlib.blake2b(request_id.encode(), digest_size=4).digest()) / 2**32


def _options(router: Router, name: str, table: Table) -> Sequence[Option]:
    configured = router.class_of(name)
    if configured is not None and configured.models:
        return configured.models
    return [Option(model=model) for model in table.everything()]


def _is_listed(router: Router, name: str, alias: Alias, rule: object) -> bool:
    configured = router.class_of(name)
    of_rule = bool(getattr(rule, "models", None))
    return of_rule or bool(alias.models) or (configured is not None and bool(configured.models))


def _policy(router: Router, name: str, alias: Alias, of_rule: Policy | None, *, listed: bool) -> Policy:
    """A rule's, else the alias's, else the class's, else as listed; where nobody listed any, what suits the class."""
    configured = router.class_of(name)
    stated = of_rule or alias.policy or (configured.policy if configured else None)
    return stated or ("listed" if listed else _POLICIES.get(name, "cost"))


def _usable(
    options: Sequence[Option], facts: Facts, limits: Limits, table: Table, passed: list[Passed]
) -> dict[str, tuple[Deployment, ...]]:
    """The deployments of each model that keep the limits; models with none are `passed`."""
    found: dict[str, tuple[Deployment, ...]] = {}
    for option in options:
        offer = table.offer(option.model)
        reason = "unknown" if offer is None else None if limits.allows(option.model) else "not_allowed"
        kept: tuple[Deployment, ...] = () if offer is None or reason else offer.deployments
        if offer is not None and not reason:
            for why, keeps in _tests(offer, facts, limits):
                kept = tuple(filter(keeps, kept))
                if not kept:
                    reason = why
                    break
        if kept:
            found[option.model] = kept
        else:
            passed.append(Passed(option.model, reason or "unknown"))
    return found


def _tests(offer: Offer, facts: Facts, limits: Limits) -> list[tuple[str, Callable[[Deployment], bool]]]:
    needs = facts.needs
    return [
        ("residency", lambda one: not limits.local or one.name in offer.local),
        ("capability", lambda one: one.capabilities is None or needs <= one.capabilities),
        ("context_window", lambda one: one.context_window is None or facts.tokens <= one.context_window),
        ("price_unknown", lambda one: not limits.budgeted or offer.prices[one.name] is not None),
    ]


def _ordered(
    policy: Policy, offers: list[Offer], usable: Mapping[str, tuple[Deployment, ...]], signals: Signals
) -> list[Offer]:
    """By the policy; equals stay in the order in which they are listed."""

    def price(offer: Offer) -> Decimal | None:
        known = (offer.prices[one.name] for one in usable[offer.name])
        return min((found for found in known if found is not None), default=None)

    def seconds(offer: Offer) -> float | None:
        known = (signals.seconds(one.name) for one in usable[offer.name])
        return min((found for found in known if found is not None), default=None)

    if policy == "cost":
        return sorted(offers, key=lambda offer: (price(offer) is None, price(offer) or Decimal(0)))
    if policy == "latency":
        # One that nobody has seen yet goes first: it would never be seen otherwise.
        return sorted(offers, key=lambda offer: seconds(offer) or 0.0)
    if policy == "quality":
        # Where nobody has measured, the dearest is taken for the best: a rank, and no more than that.
        return sorted(offers, key=lambda offer: (-(offer.quality or 0.0), -(price(offer) or Decimal(0))))
    return list(offers)


def _divided(pair: Difficulty | None, ordered: list[Offer], difficulty: Callable[[], float | None]) -> float | None:
    """Put the strong or the weak one of a pair first, where both may be taken; the difficulty that it was done by."""
    if pair is None or not {pair.weak, pair.strong} <= {offer.name for offer in ordered}:
        return None
    found = difficulty()
    if found is not None:
        first = pair.strong if found >= pair.threshold else pair.weak
        ordered.sort(key=lambda offer: offer.name != first)
    return found


def _with_canaries(models: list[str], options: Sequence[Option], draw: float) -> list[str]:
    """A canary goes first in its share of the requests, and is the last resort in all others."""
    shares = {option.model: option.canary for option in options if option.canary and option.model in models}
    steady = [model for model in models if model not in shares]
    begin = 0.0
    for model, share in shares.items():
        if begin <= draw < begin + share:
            return [model, *steady, *(other for other in shares if other != model)]
        begin += share
    return [*steady, *shares]


def _behind(models: Sequence[str], usable: Mapping[str, tuple[Deployment, ...]], signals: Signals) -> list[Passed]:
    """Of those that are tried after the first: whether that is for their health, or their rank."""
    failing = {model for model in models[1:] if all(signals.is_open(one.name) for one in usable[model])}
    return [Passed(model, "failing" if model in failing else "rank") for model in models[1:]]
