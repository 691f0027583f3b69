"""POST /v1/chat/completions: check the key, publish the prompt, write what comes back."""

import asyncio

import nats.errors

from api.answer import Answer
from api.auth import Principal, require_scope
from api.errors import STAGE
from api.exchange import Exchange
from api.gateway import Gateway
from api.inbox import Mailbox
from api.observed import Visit
from api.prompt import TIMEOUT_HEADER, Prompt, read_prompt
from api.submit import submit
from contracts import envelope, subjects
from contracts.errors import ErrorCode, PenstockError
from infra.database.keys import INFERENCE
from infra.telemetry import names

_READ = ("cache-control", TIMEOUT_HEADER, envelope.TRACESTATE)


class ChatCompletions:
    """The endpoint."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway

    async def __call__(self, exchange: Exchange, visit: Visit) -> None:
        """Raises `PenstockError`."""
        gateway, settings = self._gateway, self._gateway.settings
        principal = await gateway.authenticator.authenticate(exchange.header("authorization"))
        require_scope(principal, INFERENCE)
        visit.facts |= {"tenant": principal.tenant, "key_id": principal.key_id}
        visit.span.attributes[names.TENANT] = principal.tenant
        if len(gateway.inbox) >= settings.max_in_flight:
            raise PenstockError(ErrorCode.OVERLOADED, "too many requests are open here", stage=STAGE, retryable=True)
        raw = await exchange.read_body(settings.max_request_bytes)
        headers = {name: exchange.header(name) for name in _READ}
        prompt = read_prompt(raw, headers, settings.request_timeout)
        visit.facts |= {"model": prompt.model, "stream": prompt.stream}
        box = gateway.inbox.open(visit.request_id, principal.tenant)
        try:
            await self._submit(prompt, principal, visit)
            answer = Answer(exchange, box, gateway.inbox, prompt)
            await self._watched(exchange, box, answer, visit)
        finally:
            gateway.inbox.close(box)

    async def _submit(self, prompt: Prompt, principal: Principal, visit: Visit) -> None:
        try:
            await submit(self._gateway, prompt, principal, visit.request_id, visit.span)
        except PenstockError as error:
            if error.code is ErrorCode.PIPELINE_UNAVAILABLE:
                # The broker may have stored, or may store yet, what it did not confirm: nobody waits for that any more.
                await self._cancel(visit.request_id)
            raise

    async def _watched(self, exchange: Exchange, box: Mailbox, answer: Answer, visit: Visit) -> None:
        """Write the answer; where that fails before the pipeline is done, tell it that nobody waits any more."""
        watch = asyncio.create_task(exchange.watch(box))
        try:
            await answer.write()
        except (PenstockError, asyncio.CancelledError) as error:
            if isinstance(error, asyncio.CancelledError) or error.stage == STAGE:
                await self._cancel(visit.request_id)
            raise
        finally:
            watch.cancel()
            visit.facts |= answer.facts
            if answer.first_token_at is not None:
                visit.facts["first_token_ms"] = round((answer.first_token_at - visit.started) * 1000, 3)
                self._gateway.metrics.first_token.observe(answer.first_token_at - visit.started)

    async def _cancel(self, request_id: str) -> None:
        try:
            await self._gateway.connection.client.publish(subjects.cancel(request_id))
        except (nats.errors.Error, OSError):
            # The broker is away: the request runs to its end or its deadline, and its result waits unread.
            self._gateway.log.warning("cancel_not_sent", request_id=request_id)
