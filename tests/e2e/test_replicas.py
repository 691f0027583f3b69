"""What is promised of several API processes and workers at once."""

import asyncio
import json
import os
import uuid
from collections import Counter
from collections.abc import Iterator

import aiohttp
import pytest
from openai import APIStatusError

from tests.e2e.replicas import CENT, SLOW, Replicas, running_replicas
from tests.e2e.running import Penstock
from tests.e2e.waiting import until
from tests.support.servers import Server
from tests.support.simulator import Simulator
from tests.support.waiting import eventually

RUNS = int(os.environ.get("PENSTOCK_BAR_RUNS", "1"))
"""Bars that are to hold every time are tried once, or so often."""


@pytest.fixture(scope="module")
def replicas(nats_server: Server, postgres_server: Server, simulator_process: Simulator) -> Iterator[Replicas]:
    with running_replicas(nats_server, postgres_server, simulator_process) as running:
        yield running


async def ask(api: Penstock, key: str) -> str:
    """The status of one request, and what code it has where it is an error."""
    async with api.async_client(key) as client:
        try:
            await client.chat.completions.create(
                model=CENT, messages=[{"role": "user", "content": f"What is {uuid.uuid4().hex}?"}]
            )
        except APIStatusError as error:
            return f"{error.status_code} {error.code}"
    return "200"


async def ask_all(replicas: Replicas, key: str, requests: int) -> Counter[str]:
    apis = replicas.apis
    return Counter(await asyncio.gather(*(ask(apis[number % len(apis)], key) for number in range(requests))))


@pytest.mark.parametrize("run", range(RUNS))
def test_of_fifty_at_once_for_a_cent_each_exactly_twenty_pass_a_budget_of_twenty_cents(
    replicas: Replicas, run: int
) -> None:
    """The bar of the issue, through four API processes."""
    platform, tenant = replicas.apis[0], f"frugal-{uuid.uuid4().hex[:8]}"
    key = platform.create_key(tenant)
    made = json.loads(platform.run("budget", "create", "tenant", tenant, "month", "0.20", "--json").stdout)
    platform.reset_simulator_stats()
    assert asyncio.run(ask_all(replicas, key, 50)) == {"200": 20, "429 insufficient_quota": 30}
    assert sum(platform.simulator_stats()["by_model"].values()) == 20

    def settled() -> bool:
        found = json.loads(platform.run("budget", "show", made["id"], "--json").stdout)
        return (found["spent_usd"], found["reserved_usd"]) == ("0.2", "0")

    until(settled, "all to be settled")
    (row,) = platform.sql("SELECT count(*) AS calls, sum(cost_usd) AS cost FROM usage WHERE tenant_id = %s", tenant)
    assert (row["calls"], str(row["cost"])) == (20, "0.2000000000")


@pytest.mark.parametrize("run", range(RUNS))
def test_of_a_hundred_and_fifty_at_once_exactly_a_hundred_pass_a_limit_of_a_hundred_a_minute(
    replicas: Replicas, run: int
) -> None:
    """The bar of the issue, through four API processes and two of workers; a key for each run, as a minute is long."""
    platform, tenant = replicas.apis[0], f"limited-{uuid.uuid4().hex[:8]}"
    key = platform.create_key(tenant)
    assert platform.run("limit", "set", "tenant", tenant, "--requests", "100").returncode == 0
    platform.reset_simulator_stats()
    assert asyncio.run(ask_all(replicas, key, 150)) == {"200": 100, "429 rate_limit_exceeded": 50}
    assert sum(platform.simulator_stats()["by_model"].values()) == 100


async def ask_in_turn(replicas: Replicas, key: str, requests: int, width: int) -> Counter[str]:
    """So many at a time, from one API after the other: often enough for workers to count and to reserve ahead."""
    apis, turn = replicas.apis, asyncio.Semaphore(width)

    async def one(number: int) -> str:
        async with turn:
            return await ask(apis[number % len(apis)], key)

    return Counter(await asyncio.gather(*(one(number) for number in range(requests))))


@pytest.mark.parametrize("run", range(RUNS))
def test_what_workers_count_and_reserve_ahead_changes_nothing_of_how_many_pass(replicas: Replicas, run: int) -> None:
    """A limit and a budget that are large enough for that, each asked until it is used up, and for longer."""
    platform, name = replicas.apis[0], uuid.uuid4().hex[:8]
    limited, frugal = (platform.create_key(f"{kind}-{name}") for kind in ("limited", "frugal"))
    assert platform.run("limit", "set", "tenant", f"limited-{name}", "--requests", "120").returncode == 0
    assert platform.run("budget", "create", "tenant", f"frugal-{name}", "month", "1.20").returncode == 0
    platform.reset_simulator_stats()

    async def ask_both() -> list[Counter[str]]:
        return list(await asyncio.gather(*(ask_in_turn(replicas, key, 140, 8) for key in (limited, frugal))))

    assert asyncio.run(ask_both()) == [
        {"200": 120, "429 rate_limit_exceeded": 20},
        {"200": 120, "429 insufficient_quota": 20},
    ]
    assert sum(platform.simulator_stats()["by_model"].values()) == 240


async def ask_together(replicas: Replicas, question: str, requests: int) -> list[tuple[str, str, str]]:
    """The same of all APIs at once; what the cache had to do with each answer, its id, and the text."""
    body = {"model": SLOW, "messages": [{"role": "user", "content": question}]}
    headers = {"authorization": f"Bearer {replicas.apis[0].key}"}

    async def one(session: aiohttp.ClientSession, api: Penstock) -> tuple[str, str, str]:
        async with session.post(f"{api.base_url}/chat/completions", json=body) as answer:
            told = await answer.json()
            assert answer.status == 200, told
            text = told["choices"][0]["message"]["content"]
            return answer.headers["x-penstock-cache"], answer.headers["x-request-id"], text

    patience = aiohttp.ClientTimeout(total=110)
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(headers=headers, timeout=patience, connector=connector) as session:
        apis = replicas.apis
        return await asyncio.gather(*(one(session, apis[number % len(apis)]) for number in range(requests)))


def check_together(answers: list[tuple[str, str, str]], requests: int) -> None:
    assert len({request_id for _, request_id, _ in answers}) == requests
    assert len({text for _, _, text in answers}) == 1
    assert Counter(cache for cache, _, _ in answers)["miss"] <= 1


@pytest.mark.parametrize("run", range(RUNS))
def test_a_thousand_identical_requests_at_once_are_one_call(replicas: Replicas, run: int) -> None:
    """The bar of the issue, through four API processes and two of workers."""
    platform, requests = replicas.apis[0], 1000
    platform.reset_simulator_stats()
    answers = asyncio.run(ask_together(replicas, f"Why? {uuid.uuid4().hex}", requests))
    assert platform.simulator_stats()["calls"] == 1
    check_together(answers, requests)
    leader = next(request_id for cache, request_id, _ in answers if cache == "miss")
    assert platform.ledger(leader)[0]["status"] == "completed"
    follower = next(request_id for cache, request_id, _ in answers if cache != "miss")
    (row,) = platform.ledger(follower)
    assert (row["status"], row["cost_usd"]) == ("cache_hit", 0)
    assert row["saved_usd"] > 0


@pytest.mark.parametrize("run", range(RUNS))
def test_the_same_while_all_workers_are_killed_is_two_calls_at_most(replicas: Replicas, run: int) -> None:
    """The bar of the issue: whoever has the leader in hand dies in the middle of the call."""
    platform, requests = replicas.apis[0], 1000
    platform.reset_simulator_stats()

    async def calling() -> bool:
        return bool((await asyncio.to_thread(platform.simulator_stats))["calls"])

    async def ask_and_kill() -> list[tuple[str, str, str]]:
        asking = asyncio.create_task(ask_together(replicas, f"Why? {uuid.uuid4().hex}", requests))
        await eventually(calling, within=60, what="no call was made")
        await asyncio.to_thread(replicas.kill_workers)
        replicas.start_workers()
        return await asking

    answers = asyncio.run(ask_and_kill())
    check_together(answers, requests)
    assert platform.simulator_stats()["calls"] == 2
