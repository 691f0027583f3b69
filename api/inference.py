"""A request to any of the APIs: check the key, publish it, write what comes back."""

import asyncio

from api.admission import admit
from api.answer import Answer
from api.auth import Principal
from api.dialects.dialect import STAGE
from api.exchange import Exchange
from api.front import Front
from api.gateway import Gateway
from api.inbox import Mailbox
from api.observed import Visit
from api.prompt import Prompt, read_prompt
from api.submit import cancel, submit
from contracts.errors import ErrorCode, PenstockError


class Inference:
    """The endpoint of one front."""

    def __init__(self, gateway: Gateway, front: Front) -> None:
        self._gateway = gateway
        self._front = front

    async def __call__(self, exchange: Exchange, visit: Visit) -> None:
        """Raises `PenstockError`."""
        principal, prompt = await self.read(exchange, visit)
        await self.answer(exchange, visit, principal, prompt)

    async def read(self, exchange: Exchange, visit: Visit) -> tuple[Principal, Prompt]:
        """Who asks what. Raises `PenstockError`."""
        gateway, settings = self._gateway, self._gateway.settings
        self._front.dialect.check_version(exchange.header)
        principal = await admit(gateway, exchange, visit, self._front.dialect, self._front.scope)
        if len(gateway.inbox) >= settings.max_in_flight:
            raise PenstockError(ErrorCode.OVERLOADED, "too many requests are open here", stage=STAGE, retryable=True)
        raw = await exchange.read_body(settings.max_request_bytes)
        prompt = read_prompt(raw, exchange.header, settings.request_timeout, self._front.api)
        visit.facts |= {"model": prompt.model, "stream": prompt.stream}
        return principal, prompt

    async def answer(self, exchange: Exchange, visit: Visit, principal: Principal, prompt: Prompt) -> None:
        """Put it on its queue, and write what comes back. Raises `PenstockError`."""
        inbox = self._gateway.inbox
        box = inbox.open(visit.request_id, principal.tenant)
        try:
            await submit(self._gateway, prompt, principal, visit)
            answer = Answer(exchange, box, inbox, prompt, self._front.dialect)
            await self._watched(exchange, box, answer, visit)
        finally:
            inbox.close(box)

    async def _watched(self, exchange: Exchange, box: Mailbox, answer: Answer, visit: Visit) -> None:
        """Write the answer; where that fails before the pipeline is done, tell it that nobody waits any more."""
        watch = asyncio.create_task(exchange.watch(box))
        try:
            await answer.write()
        except (PenstockError, asyncio.CancelledError) as error:
            if isinstance(error, asyncio.CancelledError) or error.stage == STAGE:
                await cancel(self._gateway, visit.request_id)
            raise
        finally:
            watch.cancel()
            visit.facts |= answer.facts
            if answer.first_token_at is not None:
                seconds = answer.first_token_at - visit.started
                visit.facts["first_token_ms"] = round(seconds * 1000, 3)
                self._gateway.metrics.first_token.observe(seconds, visit.span.context)
