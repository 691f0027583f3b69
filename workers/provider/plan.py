"""What one request may be answered by: its route, as far as the catalogue still knows it and the prompt fits."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from contracts import envelope
from contracts.errors import ErrorCode, PenstockError
from contracts.route import decode_route
from infra.catalog import Catalog, Deployment
from workers.provider.calls import STAGE

Key = tuple[str, str]
"""A deployment's name, and what the provider calls the model."""


@dataclass(frozen=True, slots=True, eq=False)
class Option:
    """One deployment, and the model to ask it for."""

    deployment: Deployment
    model: str

    @property
    def key(self) -> Key:
        """What it is known by, from one request to the next."""
        return self.deployment.name, self.model


Tiers = tuple[tuple[Option, ...], ...]


class Plan:
    """The options of one request, tier by tier, and which of them it has called already.

    `prompt_tokens` is an estimate. It chooses between options, but is never a reason to refuse a prompt: where nothing
    is known to be large enough, the provider shall say so.
    """

    def __init__(self, tiers: Tiers, longer: Tiers, prompt_tokens: int) -> None:
        self.prompt_tokens = prompt_tokens
        self.tried: set[Key] = set()
        self.tiers = _fitting(tiers, prompt_tokens)
        self._longer = longer
        if not _fitting(tiers[:1], prompt_tokens):
            self.tiers = _fitting(longer, prompt_tokens) + self.tiers or longer or tiers
            self._longer = ()

    def without(self, option: Option) -> bool:
        """Go on without an option that can't be asked this; False where no other is left that was not called yet."""
        self.tiers = _those(self.tiers, lambda other: other.key != option.key)
        return any(left.key not in self.tried for tier in self.tiers for left in tier)

    def go_longer(self) -> bool:
        """The prompt is too long for the options so far: go on with those for long ones; False where there are none."""
        longer = _those(self._longer, lambda option: option.key not in self.tried)
        self._longer = ()
        if longer:
            self.tiers = _fitting(longer, self.prompt_tokens) or longer
        return bool(longer)


def plan_of(headers: Mapping[str, str], catalog: Catalog, prompt_tokens: int) -> Plan:
    """Read a routed request's envelope.

    Raises `PenstockError`: `model_not_found` where the catalogue has none of the deployments, retryable, because it may
    be behind the router's for a moment; `residency_unavailable` where none of them is local by now.
    """
    asked = headers[envelope.MODEL]
    tiers = _resolved(headers[envelope.DEPLOYMENTS], asked, catalog)
    longer = _resolved(headers.get(envelope.LONG_CONTEXT, ""), asked, catalog)
    if not tiers:
        message = "the model is not in the catalogue any more: no deployment of it is left"
        raise PenstockError(ErrorCode.MODEL_NOT_FOUND, message, stage=STAGE, retryable=True)
    if headers.get(envelope.RESIDENCY) == "local":
        # The router has seen to it; but the catalogue may have changed since, and a prompt that is out stays out.
        tiers, longer = (_those(found, lambda option: _is_local(option, catalog)) for found in (tiers, longer))
        if not tiers:
            message = "no local deployment of this model is left, and the prompt may not leave the house"
            raise PenstockError(ErrorCode.RESIDENCY_UNAVAILABLE, message, stage=STAGE)
    return Plan(tiers, longer, prompt_tokens)


def _resolved(route: str, asked: str, catalog: Catalog) -> Tiers:
    deployments = catalog.deployments()
    found = (
        tuple(
            Option(deployment, deployment.provider_model(candidate.model or asked))
            for candidate in tier
            if (deployment := deployments.get(candidate.deployment)) is not None
        )
        for tier in decode_route(route)
    )
    return tuple(tier for tier in found if tier)


def _is_local(option: Option, catalog: Catalog) -> bool:
    return catalog.residency(option.deployment) == "local"


def _fitting(tiers: Tiers, prompt_tokens: int) -> Tiers:
    def fits(option: Option) -> bool:
        window = option.deployment.context_window
        return window is None or prompt_tokens <= window

    return _those(tiers, fits)


def _those(tiers: Tiers, wanted: Callable[[Option], bool]) -> Tiers:
    found = (tuple(option for option in tier if wanted(option)) for tier in tiers)
    return tuple(tier for tier in found if tier)
