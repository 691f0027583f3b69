"""Whichever name a request asks for, its route: a model's own, or one that the router chooses."""

import json
from dataclasses import replace
from random import Random

from contracts import envelope
from contracts.errors import ErrorCode, PenstockError
from contracts.inference import PassedOver, RouteDecision
from infra.access.policies import Policies
from infra.catalog import Alias, Catalog
from infra.catalog.router import AUTO
from infra.dispatch.job import Job
from infra.telemetry import names
from workers.routing.auto import Auto
from workers.routing.choose import Route, choose
from workers.routing.chosen import route_of
from workers.routing.decision import Decision
from workers.routing.nearness import Nearness

LOCAL = "local"
_SHOWN = 10
"""Models that a span and a result name, at most."""


class Resolver:
    """Finds routes for one process."""

    def __init__(self, auto: Auto, nearness: Nearness, policies: Policies, random: Random) -> None:
        self._auto = auto
        self._nearness = nearness
        self._policies = policies
        self._random = random

    async def route(self, job: Job, catalog: Catalog) -> Route:
        """The route of a request. Raises `PenstockError` where nothing may answer it."""
        await self._keep_inside(job, catalog)
        try:
            return await self._found(job, catalog)
        except PenstockError as error:
            if error.code != ErrorCode.RESIDENCY_UNAVAILABLE or job.headers.get(envelope.CONFIDENTIAL) != "true":
                raise
            message = f"{error.message}: it is about documents that are marked confidential"
            raise PenstockError(error.code, message, stage=error.stage, param=error.param) from error

    async def _found(self, job: Job, catalog: Catalog) -> Route:
        asked, residency = job.headers.get(envelope.MODEL, ""), job.headers.get(envelope.RESIDENCY)
        alias = catalog.alias(asked)
        if alias is not None:
            return await self._chosen(job, alias, catalog)
        route = choose(catalog, asked, residency, self._random)
        shadow = catalog.router.alias(AUTO) if asked in catalog.router.shadow else None
        return route if shadow is None else await self._shadowed(job, route, shadow, catalog)

    async def _keep_inside(self, job: Job, catalog: Catalog) -> None:
        """A prompt that is about internal documents stays in the house, and so does what goes on from its answer."""
        threshold = catalog.router.closeness(job.tenant)
        if threshold is None or job.headers.get(envelope.CONFIDENTIAL) == "true":
            return
        found = await self._nearness.of(job, threshold)
        if found.cosine is not None:
            job.span.attributes[names.CLOSENESS] = round(found.cosine, 4)
        if found.is_close:
            job.headers = {**job.headers, envelope.RESIDENCY: LOCAL, envelope.CONFIDENTIAL: "true"}

    async def _chosen(self, job: Job, alias: Alias, catalog: Catalog) -> Route:
        access = await self._policies.of(job.tenant, job.headers.get(envelope.KEY_ID))
        decision = await self._decided(job, alias, catalog)
        job.headers = {**job.headers, envelope.DECISION: _told(decision)}
        if decision.local:
            # From here on no stage may forget it: the class may say so, where the caller did not.
            job.headers = {**job.headers, envelope.RESIDENCY: LOCAL}
        if decision.bound:
            # Nor may what goes on from its answer.
            job.headers = {**job.headers, envelope.CONFIDENTIAL: "true"}
        return route_of(decision, catalog, access.allows_model, self._random)

    async def _shadowed(self, job: Job, route: Route, alias: Alias, catalog: Catalog) -> Route:
        """What would have been chosen is written down; nothing of the request depends on it."""
        try:
            decision = await self._decided(job, alias, catalog)
        except PenstockError as error:
            job.span.attributes[names.ROUTE_SHADOW] = error.message
            return route
        job.span.attributes[names.ROUTE_SHADOW] = decision.label
        return replace(route, reason=f"{route.reason}~{decision.label}")

    async def _decided(self, job: Job, alias: Alias, catalog: Catalog) -> Decision:
        access = await self._policies.of(job.tenant, job.headers.get(envelope.KEY_ID))
        local = job.headers.get(envelope.RESIDENCY) == LOCAL
        decision = await self._auto.decide(job, alias, catalog, access, local=local)
        _describe(job, decision)
        return decision


def _told(decision: Decision) -> str:
    """The decision as its request carries it on, in ASCII as headers are."""
    verdict = decision.verdict
    told = RouteDecision(
        name=decision.name,
        confidence=None if verdict is None else round(verdict.confidence, 4),
        rule=decision.rule,
        policy=decision.policy,
        candidates=decision.models[:_SHOWN],
        passed_over=tuple(PassedOver(model=one.model, reason=one.reason) for one in decision.passed[:_SHOWN]),
    )
    return json.dumps(told.model_dump(exclude_none=True))


def _describe(job: Job, decision: Decision) -> None:
    """The span says what was decided and why."""
    attributes = job.span.attributes
    attributes[names.ROUTE_CLASS] = decision.name
    attributes[names.ROUTE_POLICY] = decision.policy
    attributes[names.ROUTE_CANDIDATES] = ",".join(decision.models[:_SHOWN])
    if decision.verdict is not None:
        attributes[names.ROUTE_CONFIDENCE] = round(decision.verdict.confidence, 4)
        attributes[names.ROUTE_LIKELIEST] = decision.verdict.likeliest
    if decision.difficulty is not None:
        attributes[names.ROUTE_DIFFICULTY] = round(decision.difficulty, 4)
    if decision.rule is not None:
        attributes[names.ROUTE_RULE] = decision.rule
    if decision.passed:
        attributes[names.ROUTE_PASSED] = ",".join(f"{one.model}={one.reason}" for one in decision.passed[:_SHOWN])
