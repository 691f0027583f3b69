"""Callers: many at once over HTTP, whole answers and streams, each of whom must get an end of some kind."""

import asyncio
import json
import uuid
from collections import Counter
from dataclasses import dataclass
from types import TracebackType
from typing import Any

import aiohttp

from tests.faults.instance import Instance
from tests.support.waiting import eventually

MODEL = "sim-small@latency=300,tokens=20"
WIDTH = 200
_STREAM_EVERY = 4
_PATIENCE = aiohttp.ClientTimeout(total=60)


@dataclass(frozen=True, slots=True)
class Answer:
    """What one caller got.

    `kind`: `whole`; `error`, as a status or within a stream, with its reason; `cut` where the connection broke without
    either; `none` where there was none. `error` is OpenAI's error object.
    """

    kind: str
    status: int = 0
    stream: bool = False
    request_id: str = ""
    error: dict[str, Any] | None = None
    retry_after: str | None = None

    @property
    def what(self) -> str:
        """In a few words: `whole 200`, `error 503 overloaded`."""
        said = "stream, " if self.stream else ""
        return f"{said}{self.kind} {self.status} {(self.error or {}).get('code', '')}".rstrip()


class Load:
    """`width` callers, each of whom asks again as soon as it is answered; `total` requests in all."""

    def __init__(self, instance: Instance, *, total: int, width: int = WIDTH, model: str = MODEL) -> None:
        self._session = session_with(instance)
        self._left = total
        self._width = width
        self._model = model
        self._callers: list[asyncio.Task[None]] = []
        self.asking = 0
        self.answers: list[Answer] = []

    async def __aenter__(self) -> "Load":
        self._callers = [asyncio.create_task(self._ask_on()) for _ in range(self._width)]
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: object, trace: TracebackType | None) -> None:
        for task in self._callers:
            task.cancel()
        await asyncio.gather(*self._callers, return_exceptions=True)
        await self._session.close()

    async def answered(self, count: int) -> None:
        """Wait for so many answers."""
        await eventually(lambda: len(self.answers) >= count, within=30, what=f"not {count} answers")

    async def finish(self, within: float) -> list[Answer]:
        """Every answer. Fails where a caller still waits after `within` seconds."""
        done, waiting = await asyncio.wait(self._callers, timeout=within)
        assert not waiting, f"{len(waiting)} callers have no answer after {within:g} s; the others: {self.summary()}"
        for task in done:
            task.result()
        return self.answers

    def summary(self) -> dict[str, int]:
        """How many got what."""
        return dict(Counter(answer.what for answer in self.answers))

    def ids(self) -> set[str]:
        """The request ids of all who were answered at all."""
        return {answer.request_id for answer in self.answers if answer.request_id}

    async def _ask_on(self) -> None:
        while self._left > 0:
            self._left -= 1
            self.asking += 1
            answer = await ask(self._session, self._model, stream=self._left % _STREAM_EVERY == 0)
            self.asking -= 1
            self.answers.append(answer)
            if answer.kind == "none":
                # Nobody listens: a caller in real life would not spin either.
                await asyncio.sleep(0.1)


def session_with(instance: Instance) -> aiohttp.ClientSession:
    """A session with the instance's key and as many connections as are wanted."""
    return aiohttp.ClientSession(
        instance.api,
        headers={"Authorization": f"Bearer {instance.api_key}"},
        connector=aiohttp.TCPConnector(limit=0),
        timeout=_PATIENCE,
    )


async def ask(
    session: aiohttp.ClientSession, model: str = MODEL, *, stream: bool = False, deadline: float = 30
) -> Answer:
    """One request with a prompt that no cache knows. `deadline` is in seconds from now."""
    body = {"model": model, "stream": stream, "messages": [{"role": "user", "content": uuid.uuid4().hex}]}
    headers = {"x-penstock-timeout": str(deadline)}
    kind, found = "none", Answer("none", stream=stream)
    try:
        async with session.post("/v1/chat/completions", json=body, headers=headers) as response:
            about = (response.status, stream, response.headers.get("x-request-id", ""))
            found = Answer("cut", *about)
            kind, error = _read(await response.read(), response.status, stream=stream)
            return Answer(kind, *about, error, response.headers.get("retry-after"))
    except (aiohttp.ClientError, OSError):
        return found


def _read(content: bytes, status: int, *, stream: bool) -> tuple[str, dict[str, Any] | None]:
    """Kind and error. A stream is whole with the `[DONE]` of a clean end; without it, its last event says why."""
    if stream and status == 200:
        events = [line.removeprefix("data: ") for line in content.decode().split("\n\n") if line]
        if events and events[-1] == "[DONE]":
            chunks = [json.loads(event) for event in events[:-1]]
            assert any(choice["finish_reason"] for chunk in chunks for choice in chunk["choices"]), events
            return "whole", None
        said = json.loads(events[-1]) if events else {}
    else:
        said = json.loads(content)
    if "error" in said:
        assert said["error"]["message"]
        return "error", said["error"]
    assert stream or said["choices"][0]["finish_reason"] == "stop", said
    return ("cut" if stream else "whole"), None
