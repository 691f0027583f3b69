"""Every process alone, as on many machines: `penstock setup`, `penstock api`, and `penstock worker NAME` for each."""

import asyncio
import json
import signal
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx2
import openai
import pytest
from openai import OpenAI

from infra.embedded.ports import free_ports
from tests.e2e.processes import Processes, Recorder, delete_streams, recorder
from tests.e2e.running import PENSTOCK, Penstock, clean_environ
from tests.e2e.waiting import until
from tests.support.database import empty_tables
from tests.support.homes import home_directory
from tests.support.servers import Server
from tests.support.simulator import Simulator
from workers.names import WORKERS

QUEUE_MESSAGES = 4


@pytest.fixture(scope="module")
def upstream() -> Iterator[Recorder]:
    with recorder() as recorded:
        yield recorded


@pytest.fixture(scope="module")
def processes(
    nats_server: Server, postgres_server: Server, simulator_process: Simulator, upstream: Recorder
) -> Iterator[Processes]:
    """Set up and running, on servers that were emptied before."""
    empty_tables(postgres_server.url)
    asyncio.run(delete_streams(nats_server.url))
    with home_directory() as home:
        catalog = home / "catalog.json"
        catalog.write_text(json.dumps(_catalog(simulator_process.url, upstream.url)))
        environ = clean_environ(
            PENSTOCK_NATS_URL=nats_server.url,
            PENSTOCK_DATABASE_URL=postgres_server.url,
            PENSTOCK_CATALOG=str(catalog),
            PENSTOCK_API_PORT=str(free_ports(1)[0]),
            PENSTOCK_QUEUE_MESSAGES=str(QUEUE_MESSAGES),
        )
        started = Processes(home, environ, from_nothing=True)
        try:
            yield started
        finally:
            started.stop_all()
            asyncio.run(delete_streams(nats_server.url))


@pytest.fixture(scope="module")
def platform(processes: Processes, simulator_process: Simulator) -> Penstock:
    environ = processes.environ
    done = subprocess.run([PENSTOCK, "setup"], env=environ, capture_output=True, text=True, timeout=60, check=True)
    for name in WORKERS:
        processes.start("worker", name)
    processes.start("api")
    platform = Penstock(
        api=f"http://127.0.0.1:{environ['PENSTOCK_API_PORT']}",
        nats=environ["PENSTOCK_NATS_URL"],
        database=environ["PENSTOCK_DATABASE_URL"],
        simulator=simulator_process.url,
        key=json.loads(done.stdout)["api_key"],
        logs=processes.home,
    )
    until(lambda: is_ready(platform), "readiness", within=60)
    return platform


@pytest.fixture
def own_client(platform: Penstock) -> Iterator[OpenAI]:
    with platform.client() as client:
        yield client


def is_ready(platform: Penstock) -> bool:
    try:
        return platform.get("/readyz").status_code == 200
    except httpx2.TransportError:
        return False


def ask(client: OpenAI, question: str, model: str = "sim-small", **fields: Any) -> Any:
    return client.chat.completions.create(
        model=model,
        messages=[{"role": "user", "content": question}],
        extra_body=fields,
        extra_headers={"x-penstock-timeout": "20"},
    )


def test_they_answer_together(platform: Penstock, own_client: OpenAI, question: str) -> None:
    assert ask(own_client, question).choices[0].message.content.startswith("Echo: What is")
    assert own_client.models.retrieve("recorded").owned_by == "recorder"
    until(lambda: platform.sql("SELECT * FROM usage"), "the ledger row")


def test_fields_that_penstock_does_not_know_are_passed_on_both_ways(
    own_client: OpenAI, upstream: Recorder, question: str
) -> None:
    more = {"seed": 7, "a_field_of_tomorrow": {"depth": [1, None, "ü"]}, "logit_bias": {"50256": -100}}
    answer = ask(own_client, question, "recorded", **more)
    assert answer.a_field_of_tomorrow == {"depth": 2}
    (sent,) = [body for body in upstream.bodies if body["messages"][0]["content"] == question]
    assert {name: sent[name] for name in more} == more
    assert (sent["model"], sent["stream"]) == ("recorded", False)


def test_a_provider_is_told_which_call_it_is_and_no_key_of_ours(
    platform: Penstock, own_client: OpenAI, upstream: Recorder, question: str
) -> None:
    ask(own_client, question, "recorded")
    sent = upstream.headers[-1]
    assert sent["idempotency-key"].startswith("default.")
    assert sent["idempotency-key"].endswith(".1")
    assert len(sent["traceparent"]) == 55
    assert platform.key not in str(sent)
    assert "baggage" not in sent, "whose request it is is not told, unless a setting says so"


def test_a_worker_that_is_gone_is_named_and_its_queue_fills_and_refuses_and_nothing_is_lost(
    platform: Penstock, processes: Processes, own_client: OpenAI, question: str
) -> None:
    assert processes.stop("worker", "validation") == 0
    problems = until(lambda: platform.get("/readyz").json()["problems"], "a platform that is not ready")
    lost = {"validation-interactive", "validation-batch", "limits"}
    assert set(problems) == {f"no worker reads {durable}" for durable in lost}

    with ThreadPoolExecutor(QUEUE_MESSAGES) as threads:
        waiting = [threads.submit(ask, own_client, f"{number} {question}") for number in range(QUEUE_MESSAGES)]
        until(lambda: _queued(platform) == QUEUE_MESSAGES, "a full queue")
        with pytest.raises(openai.InternalServerError) as raised:
            ask(own_client, f"One more: {question}")
        assert (raised.value.status_code, raised.value.code) == (503, "overloaded")
        assert raised.value.response.headers["retry-after"] == "1"

        processes.start("worker", "validation")
        for number, answered in enumerate(waiting):
            assert answered.result(20).choices[0].message.content.startswith(f"Echo: {number} What is")
    until(lambda: is_ready(platform), "readiness")


def test_a_worker_that_hangs_is_named_though_the_server_still_has_its_subscriptions(
    platform: Penstock, processes: Processes
) -> None:
    until(lambda: is_ready(platform), "readiness")
    worker = processes.running["worker-routing"]
    named = {f"the worker that reads routing-{lane} does not answer" for lane in ("interactive", "batch")}
    worker.send_signal(signal.SIGSTOP)
    try:
        until(lambda: set(platform.get("/readyz").json()["problems"]) == named, "its two consumers, named", within=30)
    finally:
        worker.send_signal(signal.SIGCONT)
    until(lambda: is_ready(platform), "readiness")


def test_each_stops_cleanly_when_it_is_told_to(platform: Penstock, processes: Processes) -> None:
    assert is_ready(platform)
    names = [name.split("-", 1) for name in processes.running]
    assert {tuple(name): processes.stop(*name) for name in names} == {tuple(name): 0 for name in names}


def _queued(platform: Penstock) -> int:
    for line in platform.get("/metrics").text.splitlines():
        if line.startswith('penstock_queue_messages{consumer="validation-interactive",state="waiting"}'):
            return int(float(line.split()[-1]))
    return 0


def _catalog(simulator: str, recorded: str) -> dict[str, Any]:
    def model(name: str, provider: str) -> dict[str, Any]:
        return {"name": name, "deployments": [{"name": f"{provider}/all", "provider": provider, "model": "{model}"}]}

    return {
        "providers": [
            {"name": "simulator", "kind": "openai", "base_url": f"{simulator}/v1"},
            {"name": "recorder", "kind": "openai", "base_url": f"{recorded}/v1"},
        ],
        "models": [model("sim-*", "simulator"), model("recorded", "recorder")],
    }
