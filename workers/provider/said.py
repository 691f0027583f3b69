"""What a provider has said so far: complete or not, it is what the answer and the ledger have to go by."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from contracts.apis.ends import ends_in
from contracts.apis.shape import SHAPES
from contracts.apis.terms import terms_in
from contracts.apis.translate import Translation
from contracts.errors import ErrorCode, PenstockError
from contracts.inference import TokenUsage
from workers.provider import errors
from workers.provider.calls import Call, ModelProvider
from workers.provider.usage import at_least, estimated

Send = Callable[[dict[str, Any]], Awaitable[None]]
"""Takes one event of a stream, in the shape of the caller's API."""


@dataclass(frozen=True, slots=True)
class Result:
    """What came of a call. `response` is what was said, also where `error` says why it is not all.

    `terms` are those on which the provider answered, `cost_usd` what it costs; None where no price is known.
    """

    response: dict[str, Any]
    usage: TokenUsage
    error: PenstockError | None
    latency_ms: float
    first_token_ms: float | None
    terms: Mapping[str, str] = field(default_factory=dict)
    cost_usd: Decimal | None = None

    @property
    def status(self) -> str:
        if self.error is None:
            return "completed"
        return "cancelled" if self.error.code is ErrorCode.CANCELLED else "failed"


@dataclass(frozen=True, slots=True)
class Asked:
    """A request in the shape of its caller's API, and what it is in the provider's."""

    api: str
    request: dict[str, Any]
    translation: Translation


class Said:
    """One call's answer, as it comes, in the shape of the caller's API."""

    def __init__(self, provider: ModelProvider, call: Call, asked: Asked) -> None:
        self._provider = provider
        self._call = call
        self._asked = asked
        self._started = time.perf_counter()
        self._first_token: float | None = None
        self._shape, self._native = SHAPES[asked.api], SHAPES[call.api]
        self._assembler = self._shape.assembler()
        self._response: dict[str, Any] | None = None
        self._usage: Any = None
        self._terms: dict[str, str] = {}
        self._begun = self._ended = False

    async def whole(self) -> None:
        """Ask for the whole answer at once. Raises `PenstockError`."""
        self._begun = True
        answer = await self._provider.complete(self._call)
        self._usage, self._terms = answer.get("usage"), terms_in(answer, self._terms)
        with errors.readable(self._provider.name):
            self._response = self._asked.translation.answer(answer)

    async def stream(self, send: Send) -> None:
        """Ask for a stream, and send on what comes of it. Raises `PenstockError`; a pause that is too long is one."""
        self._begun = True
        call, loop, translator = self._call, asyncio.get_running_loop(), self._asked.translation.stream()
        try:
            async with asyncio.timeout(call.first_token) as patience:
                async for native in self._provider.stream(call):
                    patience.reschedule(None if call.between_tokens is None else loop.time() + call.between_tokens)
                    if self._first_token is None:
                        self._first_token = time.perf_counter()
                    self._usage = self._native.usage_in(native, self._usage)
                    self._terms = terms_in(native, self._terms)
                    self._ended = self._ended or ends_in(native)
                    with errors.readable(self._provider.name):
                        events = tuple(translator.events(native))
                    for event in events:
                        await self._take(event, send)
                patience.reschedule(None)
                for event in translator.end():
                    await self._take(event, send)
        except TimeoutError:
            raise errors.timed_out(self._provider.name) from None

    def result(self, error: PenstockError | None) -> Result:
        """What came of it; `error` is what ended it, if anything did."""
        now = time.perf_counter()
        response = self._response if self._response is not None else self._assembler.answer()
        usage = self._used(error, response)
        first = None if self._first_token is None else (self._first_token - self._started) * 1000
        return Result(response, usage, error, (now - self._started) * 1000, first, self._terms)

    def _used(self, error: PenstockError | None, response: dict[str, Any]) -> TokenUsage:
        """What the provider reported, where it came to say all of it; else an estimate that is marked as one.

        Nothing for a call that was stopped before it began: nobody was sent anything.
        """
        if not self._begun:
            return TokenUsage()
        reported = self._native.tokens(self._usage)
        if reported is None:
            charges = error is None or error.code is ErrorCode.CANCELLED or isinstance(error, errors.UnansweredError)
            return self._estimate(response) if charges or self._first_token is not None else TokenUsage()
        if error is None or self._first_token is None or self._ended:
            return reported
        return at_least(reported, self._estimate(response))

    async def _take(self, event: dict[str, Any], send: Send) -> None:
        self._assembler.add(event)
        await send(event)

    def _estimate(self, response: dict[str, Any]) -> TokenUsage:
        whole = self._response is not None
        characters = self._shape.answer_characters(response) if whole else self._assembler.output_characters
        return estimated(self._asked.api, self._asked.request, characters)
