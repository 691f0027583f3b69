"""Models that fail in every way there is, on the simulator, and requests for them."""

import json
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import orjson

from contracts import envelope, subjects
from contracts.inference import OPENAI_CHAT, InferenceCompleted, InferenceFailed
from contracts.subjects import Lane
from infra.streams import USAGE
from tests.support.pipeline import TENANT, Pipeline, new_request_id, prompt
from tests.support.simulator import Simulator
from tests.support.waiting import eventually

OUTSIDE, INSIDE, NOWHERE = "outside", "inside", "nowhere"
WORKERS = ("routing", "provider")
INGRESS = "ingress1"
GOOD = "sim-small@tokens=5"
"""What answers where a model falls back on «good», by the simulator's own name for it."""


def write_reliability_catalog(target: Path, simulator: Simulator) -> Path:
    """One model for each way to fail. Each deployment has a name of its own at the simulator, which counts by it."""
    providers = [
        {"name": name, "kind": "openai", "base_url": f"{simulator.url}/v1", "residency": residency}
        for name, residency in ((OUTSIDE, "external"), (INSIDE, "local"))
    ]
    # Nobody listens at the port of tcpmux.
    providers.append({"name": NOWHERE, "kind": "openai", "base_url": "http://127.0.0.1:1/v1"})
    back = {"fallbacks": ["good"]}
    models = [
        _model("good", _deployment("good", GOOD)),
        _model("down", _deployment("down", "sim-error-500@tokens=6"), **back),
        _model("worst-day", _deployment("flaky", "sim-flaky@tokens=12"), fallbacks=["worse-day"]),
        _model("worse-day", _deployment("worse", "sim-error-500@tokens=13")),
        _model("down-too", _deployment("down-too", "sim-error-500@tokens=8"), **back),
        _model("mending", _deployment("mending", "sim-error-500@times=5"), **back),
        _model("refused", _deployment("refused", "sim-error-401@tokens=6")),
        _model("refused-then-good", _deployment("refused-2", "sim-error-403@tokens=6"), **back),
        _model("hanging", _deployment("hanging", "sim-slow@tokens=6", timeouts={"total": 0.3}), **back),
        _model("silent", _deployment("silent", "sim-slow@tokens=7", timeouts={"first_token": 0.3}), **back),
        _model("unreachable", _deployment("unreachable", "sim-small", provider=NOWHERE), **back),
        _model("stalling", _deployment("stalling", "sim-slow-second-chunk", timeouts={"between_tokens": 0.3}), **back),
        _model("cut", _deployment("cut", "sim-cut-stream@tokens=9"), **back),
        _model("overloaded", _deployment("overloaded", "sim-error-429@retry=30"), **back),
        _model("mistaken", _deployment("mistaken", "sim-error-400@tokens=6"), **back),
        _model(
            "two-speeds",
            _deployment("slow", "sim-small@latency=400"),
            _deployment("fast", "sim-small@latency=1"),
        ),
        _model("limited", _deployment("limited", "sim-small@tokens=3", requests_per_minute=2)),
        _model("narrow", _deployment("narrow", "sim-small@latency=60", concurrency=2)),
        _model(
            "house",
            _deployment("house-outside", "sim-small@tokens=21"),
            _deployment("house-inside", "sim-error-500@tokens=22", provider=INSIDE),
            fallbacks=["house-too"],
            context_window_fallbacks=["good"],
        ),
        _model(
            "house-too",
            _deployment("too-outside", "sim-small@tokens=23"),
            _deployment("too-inside", "sim-small@tokens=24", provider=INSIDE),
        ),
        _model("short", _deployment("short", "sim-context-window@window=50"), context_window_fallbacks=["long"]),
        _model(
            "known-short",
            _deployment("known", "sim-small@tokens=25", context_window=50),
            context_window_fallbacks=["long"],
        ),
        _model("too-short", _deployment("too-short", "sim-context-window@window=51")),
        _model("long", _deployment("long", "sim-small@tokens=26")),
        _model(
            "hedged",
            _deployment("tail", "sim-small@latency=20000", weight=1_000_000),
            _deployment("spare", "sim-small@tokens=27"),
            hedge_after=0.2,
        ),
        _model(
            "both-hang",
            _deployment("hang-1", "sim-small@latency=20001"),
            _deployment("hang-2", "sim-small@latency=20002"),
            hedge_after=0.1,
        ),
        _model("sim-*", _deployment("any", "{model}")),
    ]
    target.write_text(json.dumps({"providers": providers, "models": models}), encoding="utf-8")
    return target


def _model(name: str, *deployments: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return {"name": name, "deployments": list(deployments), **fields}


def _deployment(name: str, model: str, *, provider: str = OUTSIDE, **fields: Any) -> dict[str, Any]:
    prices = {"input": "1", "output": "2"}
    return {"name": name, "provider": provider, "model": model, "prices": prices, **fields}


async def ask(
    pipeline: Pipeline,
    model: str,
    *,
    content: str = "Hello",
    lane: Lane = Lane.INTERACTIVE,
    seconds: float = 30.0,
    ingress: str | None = None,
    residency: str | None = None,
) -> str:
    """Publish a request as the cache passes it on, and return its id. One with an `ingress` wants a stream."""
    request_id, now = new_request_id("asked"), datetime.now(UTC)
    key = f"{TENANT}.{request_id}.inference.uncached"
    headers = envelope.new_headers(event="inference.uncached", message_id=key, source="penstock/test", now=now)
    headers |= {
        envelope.REQUEST_ID: request_id,
        envelope.TENANT: TENANT,
        envelope.API: OPENAI_CHAT,
        envelope.MODEL: model,
        envelope.STREAM: "false" if ingress is None else "true",
        envelope.DEADLINE: envelope.rfc3339(now + timedelta(seconds=seconds)),
        envelope.CACHE_STATUS: "miss",
    }
    if ingress is not None:
        headers[envelope.INGRESS] = ingress
    if residency is not None:
        headers[envelope.RESIDENCY] = residency
    body = orjson.dumps(prompt(request_id, model=model, content=content))
    await pipeline.publish(subjects.uncached(lane, TENANT), body, headers)
    return request_id


async def answered(pipeline: Pipeline, model: str, **changed: Any) -> InferenceCompleted:
    """Ask, and wait for the answer; `changed` as for `ask`."""
    request_id = await ask(pipeline, model, **changed)
    return await eventually(lambda: pipeline.completed(request_id), within=15, what=f"no answer from {model}")


async def refused(pipeline: Pipeline, model: str, **changed: Any) -> InferenceFailed:
    """Ask, and wait for the failure; `changed` as for `ask`."""
    request_id = await ask(pipeline, model, **changed)
    return await eventually(lambda: pipeline.failed(request_id), within=15, what=f"no failure of {model}")


async def all_answered(pipeline: Pipeline, model: str, count: int) -> None:
    """Ask so many times at once, and wait for all answers."""
    for request_id in [await ask(pipeline, model) for _ in range(count)]:
        await eventually(partial(pipeline.completed, request_id), within=20, what=f"no answer from {model}")


async def usage_rows(pipeline: Pipeline, request_id: str, count: int) -> list[dict[str, Any]]:
    """The usage rows of a request by attempt, once there are so many."""

    async def there() -> list[dict[str, Any]]:
        found = [row.json() for row in await pipeline.stored(USAGE) if row.request_id == request_id]
        return found if len(found) >= count else []

    found = await eventually(there, within=15, what=f"not {count} usage rows of {request_id}")
    return sorted(found, key=lambda row: row["attempt"])
