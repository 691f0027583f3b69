"""A worker says over HTTP whether it takes messages, and a container without curl can ask it."""

import asyncio
import threading
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager

from prometheus_client import CollectorRegistry, Counter

from infra.embedded.ports import free_ports
from infra.probe import problem_at
from infra.telemetry.serving import Problem, asked_of_the_loop, serve


@contextmanager
def served(problem: Problem, registry: CollectorRegistry | None = None) -> Iterator[str]:
    port = free_ports(1)[0]
    close = serve("127.0.0.1", port, registry or CollectorRegistry(), problem)
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        close()


def test_a_process_without_a_problem_is_well():
    with served(lambda: None) as url:
        assert problem_at(f"{url}/healthz") is None


def test_a_problem_is_told():
    with served(lambda: "not connected to NATS") as url:
        assert problem_at(f"{url}/healthz") == f"{url}/healthz answers 503: not connected to NATS"


def test_nobody_there_is_a_problem():
    with served(lambda: None) as url:
        pass
    assert "does not answer" in (problem_at(f"{url}/healthz") or "")


def test_metrics_are_served_beside_it_whatever_the_problem():
    registry = CollectorRegistry()
    Counter("seen", "…", registry=registry).inc(3)
    with served(lambda: "stuck", registry) as url, urllib.request.urlopen(f"{url}/metrics", timeout=5) as answer:
        assert b"seen_total 3.0" in answer.read()


async def test_the_loop_itself_is_asked():
    async def starting() -> str | None:
        return "starting"

    problem = asked_of_the_loop(starting)
    assert await asyncio.to_thread(problem) == "starting"


def test_a_loop_that_is_stuck_is_a_problem(monkeypatch):
    monkeypatch.setattr("infra.telemetry.serving._PATIENCE", 0.05)
    told: list[str | None] = []

    async def well() -> str | None:
        return None

    async def stuck() -> None:
        asking = threading.Thread(target=lambda problem: told.append(problem()), args=(asked_of_the_loop(well),))
        asking.start()
        asking.join()  # holds up the loop until it has been asked

    asyncio.run(stuck())
    assert told == ["the event loop has not answered for 0.05 s"]
