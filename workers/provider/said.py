"""What a provider has said so far: complete or not, it is what the answer and the ledger have to go by."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from contracts.errors import ErrorCode, PenstockError
from contracts.inference import TokenUsage
from workers.provider import errors
from workers.provider.assemble import Assembler
from workers.provider.calls import Call, ModelProvider
from workers.provider.usage import estimated, reported

Send = Callable[[dict[str, Any]], Awaitable[None]]
"""Takes one event of a stream, in the shape of the caller's API."""


@dataclass(frozen=True, slots=True)
class Result:
    """What came of a call. `response` is what was said, also where `error` says why it is not all."""

    response: dict[str, Any]
    usage: TokenUsage
    error: PenstockError | None
    latency_ms: float
    first_token_ms: float | None

    @property
    def status(self) -> str:
        if self.error is None:
            return "completed"
        return "cancelled" if self.error.code is ErrorCode.CANCELLED else "failed"


class Said:
    """One call's answer, as it comes."""

    def __init__(self, provider: ModelProvider, call: Call) -> None:
        self._provider = provider
        self._call = call
        self._started = time.perf_counter()
        self._first_token: float | None = None
        self._assembler = Assembler()
        self._response: dict[str, Any] | None = None

    async def whole(self) -> None:
        """Ask for the whole answer at once. Raises `PenstockError`."""
        self._response = await self._provider.complete(self._call)

    async def stream(self, send: Send) -> None:
        """Ask for a stream, and send on what comes of it. Raises `PenstockError`; a pause that is too long is one."""
        call = self._call
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(call.first_token) as patience:
                async for chunk in self._provider.stream(call):
                    patience.reschedule(None if call.between_tokens is None else loop.time() + call.between_tokens)
                    if self._first_token is None:
                        self._first_token = time.perf_counter()
                    self._assembler.add(chunk)
                    await send(chunk)
        except TimeoutError:
            raise errors.timed_out(self._provider.name) from None

    def result(self, error: PenstockError | None) -> Result:
        """What came of it; `error` is what ended it, if anything did."""
        now = time.perf_counter()
        response = self._response if self._response is not None else self._assembler.completion()
        usage = reported(response)
        if usage is None:
            said_nothing = error is not None and error.code is not ErrorCode.CANCELLED and self._first_token is None
            usage = TokenUsage() if said_nothing else estimated(self._call.request, self._characters(response))
        first = None if self._first_token is None else (self._first_token - self._started) * 1000
        return Result(response, usage, error, (now - self._started) * 1000, first)

    def _characters(self, response: dict[str, Any]) -> int:
        if self._response is None:
            return self._assembler.output_characters
        messages = (choice.get("message") or {} for choice in response["choices"])
        return sum(len(message.get("content") or "") for message in messages)
