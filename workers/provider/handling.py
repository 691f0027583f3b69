"""What is done with one routed request: its past is looked up where it may have one, and its calls are made."""

import secrets
from collections.abc import Mapping
from typing import Any

import orjson
from nats.aio.client import Client
from nats.js import JetStreamContext

from contracts import envelope
from contracts.apis.fields import Json
from contracts.apis.grounding.grounding import Grounding, ground
from contracts.inference import DROP_PARAMS, AttemptedCall, Ground
from contracts.route import decode_route
from infra.catalog import CatalogSource
from infra.dispatch.job import Job
from infra.dispatch.outcome import Outcome, Publication
from infra.prices import PriceSet
from infra.responses import place_of
from workers.provider.audience import Audience
from workers.provider.journal import Journal, OvertakenError
from workers.provider.make import Tools
from workers.provider.plan import plan_of
from workers.provider.records import row_owed
from workers.provider.recovery import Holder, Past, Recovery, may_have_past
from workers.provider.relay import relay_for
from workers.provider.run import Run
from workers.provider.usage import estimated


class Handling:
    """The provider worker's handler, apart from the stages that it serves."""

    def __init__(  # noqa: PLR0913, PLR0917 - what requests need
        self,
        catalog: CatalogSource,
        client: Client,
        js: JetStreamContext,
        recovery: Recovery,
        audience: Audience,
        tools: Tools,
    ) -> None:
        self._js = js
        self._catalog = catalog
        self._client = client
        self._recovery = recovery
        self._audience = audience
        self._tools = tools

    async def handle(self, job: Job) -> Outcome:
        """Raises `PenstockError` where nothing may be done about the request now."""
        with self._recovery.holding(job):
            try:
                return await self._handle(job, await self._recovery.past_of(job))
            except OvertakenError:
                # A copy of a message that was worked on, delivered as if it were new: now its past is looked up.
                return await self._handle(job, await self._recovery.whole_past_of(job))

    async def owed(self, job: Job) -> tuple[Publication, ...]:
        """Of a request that is given up: the calls in which a worker died have their rows all the same."""
        return self._owed(job, await self._recovery.written_past_of(job)) if may_have_past(job) else ()

    async def _handle(self, job: Job, past: Past) -> Outcome:
        if past.terminal is not None:
            return Outcome("already_terminal", self._owed(job, past), ended=past.terminal)
        if past.holder is not Holder.NOBODY:
            return Outcome("held_elsewhere", ack=past.holder is Holder.A_COPY)
        for row in self._owed(job, past):
            await self._tools.emitter.emit(job, row)
        return await self._run(job, past)

    async def _run(self, job: Job, past: Past) -> Outcome:
        body, catalog, api = orjson.loads(job.body), self._catalog.current, job.headers[envelope.API]
        request = body["request"]
        request.pop(DROP_PARAMS, None)
        grounding = _grounding_of(api, request, body.get("grounds"))
        place = await place_of(self._js, job, request)
        prompt_tokens = estimated(api, request if grounding is None else grounding.request, 0).input_tokens
        plan = plan_of(job.headers, catalog, prompt_tokens)
        model = catalog.resolve(_first_model(job.headers))
        relay = relay_for(self._client, job, request)
        run = Run(
            job,
            request,
            plan,
            relay,
            tools=self._tools,
            journal=Journal(job, past, self._tools.emitter, self._recovery),
            hedge_after=model.hedge_after if model else None,
            place=place,
            grounding=grounding,
        )
        with self._audience.hears(job, relay):
            return await run.to_the_end()

    def _owed(self, job: Job, past: Past) -> tuple[Publication, ...]:
        return tuple(row_owed(job, call, past.terminal, self._prices_of(job, call)) for call in past.last_calls)

    def _prices_of(self, job: Job, call: AttemptedCall) -> PriceSet | None:
        """None too where the catalogue has no such deployment any more."""
        catalog = self._catalog.current
        deployment = catalog.deployments().get(call.deployment)
        if deployment is None:
            return None
        provider = catalog.provider(deployment.provider)
        return self._tools.prices.prices_of(provider, deployment, call.provider_model, call.started_at, job.lane)


def _first_model(headers: Mapping[str, str]) -> str:
    """The model that is tried first: what was asked for may be a name that the router has chosen for."""
    tiers = decode_route(headers[envelope.DEPLOYMENTS])
    return (tiers[0][0].model if tiers else None) or headers[envelope.MODEL]


def _grounding_of(api: str, request: Json, grounds: list[Any] | None) -> Grounding | None:
    """The request with what was looked up for it; None where nothing was to be."""
    if grounds is None:
        return None
    return ground(api, request, [Ground.model_validate(found) for found in grounds], secrets.token_hex(8))
