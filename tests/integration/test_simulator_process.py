"""The simulator as a process: how it starts, stops and refuses, and how small it stays."""

import asyncio
import contextlib
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

import httpx2
import openai
import psutil
import pytest

from infra.simulator.server import SimulatorOptions, serve

COMMAND = [sys.executable, "-m", "infra.simulator", "--port"]
USER: Any = [{"role": "user", "content": "Hello"}]


@contextlib.contextmanager
def started(*arguments: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A simulator on a free port and its URL; killed at the end if it still runs."""
    with subprocess.Popen([*COMMAND, "0", *arguments], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield process, process.stdout.readline().split()[-1]
        finally:
            process.kill()


@pytest.fixture(scope="module")
def shared() -> Iterator[str]:
    with started() as (_, url):
        yield url


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_it_stops_within_a_second_even_with_open_streams(number: signal.Signals):
    with started("--tokens-per-second", "1") as (process, url):
        async with openai.AsyncOpenAI(base_url=f"{url}/v1", api_key="none", max_retries=0) as client:
            stream = await client.chat.completions.create(model="sim-large", messages=USER, stream=True)
            told = 0.0
            with pytest.raises(openai.APIConnectionError):
                async for _ in stream:
                    if not told:
                        told = time.monotonic()
                        process.send_signal(number)
            assert await asyncio.to_thread(process.wait, 5) == 0
            assert time.monotonic() - told < 1


async def test_it_stops_when_it_is_cancelled():
    ready: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    serving = asyncio.create_task(serve(SimulatorOptions(port=0, tokens_per_second=1), ready.set_result))
    async with openai.AsyncOpenAI(base_url=f"{await ready}/v1", api_key="none", max_retries=0) as client:
        stream = await client.chat.completions.create(model="sim-large", messages=USER, stream=True)
        serving.cancel()
        with pytest.raises(openai.APIConnectionError):
            _ = [chunk async for chunk in stream]
    with pytest.raises(asyncio.CancelledError):
        await serving


def test_the_environment_sets_the_speed_over_the_command_line(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PENSTOCK_SIM_LATENCY_MS", "200")
    with started("--latency-ms", "0") as (_, url):
        begun = time.monotonic()
        httpx2.post(f"{url}/v1/chat/completions", json={"model": "m", "messages": USER}).raise_for_status()
        assert time.monotonic() - begun > 0.19


def test_a_bad_variable_is_one_clear_sentence(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PENSTOCK_SIM_LATENCY_MS", "soon")
    refused = subprocess.run([*COMMAND, "0"], capture_output=True, text=True, timeout=20, check=False)
    assert refused.returncode == 1
    assert "PENSTOCK_SIM_LATENCY_MS must be a number" in refused.stderr


def test_a_port_in_use_is_one_clear_sentence():
    with started() as (_, url):
        port = url.rsplit(":", 1)[1]
        second = subprocess.run([*COMMAND, port], capture_output=True, text=True, timeout=20, check=False)
    assert second.returncode == 1
    assert second.stderr.count("\n") == 1
    assert f"127.0.0.1:{port}" in second.stderr


def test_it_stays_small():
    code = "import infra.simulator.__main__, sys; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=20, check=True)
    heavy = {"openai", "anthropic", "pydantic", "sqlalchemy", "faststream", "starlette", "nats", "typer"}
    assert not heavy & set(loaded.stdout.split())
    with started() as (process, _):
        assert psutil.Process(process.pid).memory_full_info().uss < 40 * 2**20


BAD_REQUESTS = [
    ("POST /v1/chat/completions", b"{", 400),
    ("POST /v1/chat/completions", b'{"model": "sim-small"}', 400),
    ("POST /v1/chat/completions", b'{"messages": [{"role": "user", "content": "hi"}]}', 400),
    ("POST /v1/chat/completions", b'{"model": "m@tps=x", "messages": [{"role": "user", "content": "hi"}]}', 400),
    ("POST /v1/messages", b"{", 400),
    ("POST /v1/messages", b'{"model": "m", "messages": [{"role": "user", "content": "hi"}]}', 400),
    ("GET /v1/chat/completions", None, 405),
    ("GET /v1/messages/count_tokens", None, 405),
    ("GET /v1/messages/batches", None, 404),
    ("GET /v2/models", None, 404),
]


@pytest.mark.parametrize(("target", "body", "status"), BAD_REQUESTS)
def test_a_bad_request_is_refused_in_shape(shared: str, target: str, body: bytes | None, status: int):
    method, path = target.split()
    response = httpx2.request(method, shared + path, content=body)
    answer = response.json()
    assert response.status_code == status
    assert answer["error"]["message"]
    assert ("request_id" in answer) == ("/messages" in target)
    assert ("param" in answer["error"]) == ("/messages" not in target)
