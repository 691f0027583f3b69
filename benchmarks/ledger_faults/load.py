"""Callers over HTTP in both dialects, and producers over NATS; some of them leave."""

import asyncio
import json
import uuid
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import aiohttp
import nats
import nats.errors
from nats.aio.client import Client

from benchmarks.ledger_faults.plan import MOST_TOKENS, Request
from benchmarks.ledger_faults.setting_up import Doors

DEADLINE = 30.0
"""Seconds that each request has."""
_PATIENCE = aiohttp.ClientTimeout(total=2 * DEADLINE)
_BREATH = 0.25
"""Seconds that a caller waits after it was refused or not heard."""
_LEAVES_AFTER = 0.1
_TRIES = 60
EXPECTED, UNEXPECTED = frozenset({408, 429, 502, 503}), "unexpected:"
"""What callers may be refused with: a deadline that passed, limits and budgets, a provider that fails, something that
is away.
"""
_PATHS = {"openai": "/v1/chat/completions", "anthropic": "/v1/messages"}


class Callers:
    """`width` of them, each of whom asks again as soon as it is answered. `ends` counts what they got."""

    def __init__(self, http: aiohttp.ClientSession, producers: dict[str, Client], doors: Doors) -> None:
        self._http = http
        self._producers = producers
        self._doors = doors
        self.ends: Counter[str] = Counter()

    async def run(self, requests: Iterator[Request], width: int) -> None:
        """All requests, to the last one's end."""
        async with asyncio.TaskGroup() as group:
            for _ in range(width):
                group.create_task(self._ask_on(requests))

    async def _ask_on(self, requests: Iterator[Request]) -> None:
        for request in requests:
            end = await (self._produce(request) if request.door == "nats" else self._call(request))
            self.ends[end] += 1
            if end.startswith(("refused", UNEXPECTED)):
                await asyncio.sleep(_BREATH)

    async def _call(self, request: Request) -> str:
        headers = {
            "authorization": f"Bearer {self._doors.keys[request.tenant][request.key]}",
            "anthropic-version": "2023-06-01",
            "x-penstock-timeout": f"{DEADLINE:g}",
            **({"x-penstock-tags": f"team={request.tenant},feature=faults"} if request.tagged else {}),
        }
        body = body_of(request)
        try:
            async with asyncio.timeout(_LEAVES_AFTER if request.leaves == "before" else None):
                async with self._http.post(_PATHS[request.door], json=body, headers=headers) as response:
                    if request.leaves == "within":
                        await response.content.readany()
                        response.close()
                        return "left within"
                    return end_of(response.status, await response.read(), stream=request.stream)
        except TimeoutError:
            return "left before" if request.leaves == "before" else f"{UNEXPECTED} no end in time"
        except (aiohttp.ClientError, OSError):
            return f"{UNEXPECTED} no connection"

    async def _produce(self, request: Request) -> str:
        """Published under one id until it is acked, as a producer does that must not lose it nor have it twice."""
        producer, request_id = self._producers[request.tenant], uuid.uuid4().hex
        body: dict[str, Any] = {
            "request_id": request_id,
            "request": body_of(request) | {"stream": False},
            "deadline": (datetime.now(UTC) + timedelta(seconds=DEADLINE)).isoformat(),
            **({"tags": {"team": request.tenant, "feature": "faults"}} if request.tagged else {}),
        }
        subject, sent = f"penstock.v1.inference.requested.interactive.{request.tenant}", json.dumps(body).encode()
        for _ in range(_TRIES):
            try:
                await producer.jetstream(timeout=2).publish(subject, sent)
            except (nats.errors.Error, OSError, TimeoutError):
                await asyncio.sleep(_BREATH)
                continue
            if request.leaves:
                await asyncio.sleep(_LEAVES_AFTER)
                await producer.publish(f"penstock.v1.inference.cancel.{request_id}", b"")
            return "published and cancelled" if request.leaves else "published"
        return f"{UNEXPECTED} not published"


@asynccontextmanager
async def callers(api: str, nats_url: str, doors: Doors) -> AsyncIterator[Callers]:
    """Callers whose connections outlive the servers."""
    async with AsyncExitStack() as stack:
        connector = aiohttp.TCPConnector(limit=0)
        http = await stack.enter_async_context(aiohttp.ClientSession(api, connector=connector, timeout=_PATIENCE))
        producers = {}
        for tenant, path in doors.creds.items():
            producers[tenant] = await connected(nats_url, str(path))
            stack.push_async_callback(producers[tenant].close)
        yield Callers(http, producers, doors)


async def connected(nats_url: str, creds: str) -> Client:
    """A connection that outlives the server."""

    async def silent(_: Exception) -> None:
        return None

    return await nats.connect(
        nats_url, user_credentials=creds, max_reconnect_attempts=-1, reconnect_time_wait=0.1, error_cb=silent
    )


def body_of(request: Request) -> dict[str, Any]:
    """What is posted. Both dialects have the same names for all of it but the effort."""
    message = {"role": "user", "content": request.prompt}
    effort = {"reasoning_effort": "low"} if request.effort and request.door != "anthropic" else {}
    common = {"model": request.model, "max_tokens": MOST_TOKENS, "messages": [message]}
    return common | {"stream": request.stream} | effort


def end_of(status: int, content: bytes, *, stream: bool) -> str:
    """In a few words. A stream is whole with the last event of its dialect."""
    if status != 200:
        code, message = _error(content)
        if status in EXPECTED:
            return f"refused: {status} {code}" if status in {429, 503} else f"failed: {status} {code}"
        return f"{UNEXPECTED} {status} {code}: {message}"
    if not stream:
        return "answered"
    last = content.rstrip().rpartition(b"\n")[2]
    return "answered" if last == b"data: [DONE]" or b'"message_stop"' in last else "stream ended with an error"


def _error(content: bytes) -> tuple[str, str]:
    error: dict[str, Any] = json.loads(content).get("error", {})
    return str(error.get("code") or error.get("type")), str(error.get("message"))
