"""From a decision to a route: the tiers of the models that were chosen, or why there is none."""

from collections.abc import Callable
from random import Random

from contracts.errors import ErrorCode, PenstockError
from contracts.route import Candidate, Tier
from infra.catalog import Catalog, Deployment
from workers.routing.choose import STAGE, Route, first_of, without_repeats
from workers.routing.decision import Decision

_CODES = {
    "residency": ErrorCode.RESIDENCY_UNAVAILABLE,
    "not_allowed": ErrorCode.PERMISSION_DENIED,
    "price_unknown": ErrorCode.PRICE_UNKNOWN,
    "capability": ErrorCode.INVALID_REQUEST,
    "context_window": ErrorCode.INVALID_REQUEST,
}
_SENTENCES = {
    "residency": "it is not local",
    "not_allowed": "this key may not use it",
    "price_unknown": "nobody knows its price, and there is a budget",
    "capability": "it can't do what is asked (tools, images or a schema)",
    "context_window": "the prompt is too long for it",
    "unknown": "the catalogue has none of that name",
}


def route_of(decision: Decision, catalog: Catalog, allows: Callable[[str], bool], random: Random) -> Route:
    """A tier for each model, in the order of the decision; then the first one's own fallbacks, as far as they may.

    Raises `PenstockError` where no model is left: `residency_unavailable` where the house is why, else what stood in
    the way of the most of them.
    """
    if not decision.models:
        raise _nothing(decision)

    def may(name: str, deployment: Deployment) -> bool:
        inside = not decision.local or catalog.residency(deployment) == "local"
        return inside and allows(name)

    def behind(names: list[str]) -> list[Tier]:
        found = ((name, model) for name in names if (model := catalog.resolve(name)) is not None)
        return [
            tuple(Candidate(one.name, name) for one in model.deployments if may(name, one)) for name, model in found
        ]

    tiers: list[Tier] = [tuple(Candidate(one.name, name) for one in decision.usable[name]) for name in decision.models]
    first = catalog.resolve(decision.models[0])
    fallbacks = [] if first is None else behind(first.fallbacks)
    chosen = [model for name in decision.models if (model := catalog.resolve(name)) is not None]
    longer = [tier for model in chosen for tier in behind(model.context_window_fallbacks)]
    return Route(
        without_repeats((*tiers, *fallbacks)),
        without_repeats(longer),
        first_of(catalog, tiers[0], random),
        decision.label,
    )


def _nothing(decision: Decision) -> PenstockError:
    if not decision.passed:
        message = f"«{decision.asked}» has no models to choose from: the catalogue's router section has to name some"
        return PenstockError(ErrorCode.MODEL_NOT_FOUND, message, stage=STAGE, param="model")
    reasons = [found.reason for found in decision.passed]
    # A request that must stay inside is told so first: the other reasons would lead it outside.
    main = "residency" if "residency" in reasons else max(set(reasons), key=reasons.count)
    why = "; ".join(f"{found.model}: {_SENTENCES.get(found.reason, found.reason)}" for found in decision.passed[:8])
    message = f"no model is left that may answer this «{decision.asked}» request. {why}"
    return PenstockError(_CODES.get(main, ErrorCode.MODEL_NOT_FOUND), message, stage=STAGE, param="model")
