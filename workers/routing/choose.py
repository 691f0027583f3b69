"""From a model's name to its deployments, in tiers: its own first, then those of each model that it falls back on."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from random import Random

from contracts.errors import ErrorCode, PenstockError
from contracts.route import Candidate, Tier
from infra.catalog import Catalog, Deployment, Model

STAGE = "routing"


@dataclass(frozen=True, slots=True)
class Route:
    """The tiers in order of preference, those for a prompt that is too long for them, and why these.

    `first` is the deployment to whose provider's workers the request goes; they may call any other one as well.
    """

    tiers: tuple[Tier, ...]
    long_context: tuple[Tier, ...]
    first: Deployment
    reason: str


def choose(catalog: Catalog, asked: str, residency: str | None, random: Random) -> Route:
    """`residency` «local» leaves only what stays in the house, among the fallbacks too.

    Raises `PenstockError`: `model_not_found` for a name that the catalogue doesn't know, `residency_unavailable` where
    nothing is left.
    """
    model = catalog.resolve(asked)
    if model is None:
        message = f"the model «{asked}» does not exist; GET /v1/models lists those that have a name of their own"
        raise PenstockError(ErrorCode.MODEL_NOT_FOUND, message, stage=STAGE, param="model")

    def may_see_it(deployment: Deployment) -> bool:
        return residency != "local" or catalog.residency(deployment) == "local"

    own = _tier(model, None, may_see_it)
    tiers = without_repeats((own, *_tiers(catalog, model.fallbacks, may_see_it)))
    if not tiers:
        message = f"the model «{asked}» has no local deployment, and the request may not leave the house"
        raise PenstockError(ErrorCode.RESIDENCY_UNAVAILABLE, message, stage=STAGE, param="model")
    longer = without_repeats(_tiers(catalog, model.context_window_fallbacks, may_see_it))
    return Route(
        tiers, longer, first_of(catalog, tiers[0], random), f"pattern {model.name}" if model.is_pattern else "alias"
    )


def _tiers(catalog: Catalog, names: Iterable[str], wanted: Callable[[Deployment], bool]) -> Iterable[Tier]:
    for name in names:
        model = catalog.resolve(name)
        if model is not None:
            yield _tier(model, name, wanted)


def _tier(model: Model, name: str | None, wanted: Callable[[Deployment], bool]) -> Tier:
    return tuple(Candidate(deployment.name, name) for deployment in model.deployments if wanted(deployment))


def without_repeats(tiers: Iterable[Tier]) -> tuple[Tier, ...]:
    """Without tiers that are empty or there already: a model may be a fallback twice, or its own."""
    return tuple(dict.fromkeys(tier for tier in tiers if tier))


def first_of(catalog: Catalog, tier: Tier, random: Random) -> Deployment:
    """One of the first tier, drawn by weight: so each provider's workers get their share of the requests."""
    deployments = [catalog.deployments()[candidate.deployment] for candidate in tier]
    return random.choices(deployments, [deployment.weight for deployment in deployments])[0]
