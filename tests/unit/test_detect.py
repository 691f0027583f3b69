"""What `penstock up` finds on a machine becomes a catalogue that the rest of the platform can read."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from cli.detect import Detected, detect, ollama_address, ollama_tags, read_catalog
from cli.start_message import Started, start_message
from infra.catalog import Catalog, load_catalog
from infra.embedded.ports import free_ports
from infra.embedded.probes import Address
from infra.prices import PriceBook, unpriced

SIMULATOR_PORT = 8081


def nobody() -> dict[str, str]:
    """An environment whose Ollama is not there."""
    return {"OLLAMA_HOST": f"127.0.0.1:{free_ports(1)[0]}"}


async def found(tmp_path: Path, environ: dict[str, str]) -> tuple[Detected, Catalog]:
    detected = await detect(tmp_path / "catalog.yaml", SIMULATOR_PORT, environ)
    return detected, load_catalog(detected.catalog)


@asynccontextmanager
async def ollama(body: bytes) -> AsyncIterator[str]:
    """A server that answers every request with this body; its host and port."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request = await reader.readuntil(b"\r\n\r\n")
        assert request.startswith(b"GET /api/tags ")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        yield f"127.0.0.1:{server.sockets[0].getsockname()[1]}"


async def test_without_a_key_there_is_the_simulator(tmp_path: Path) -> None:
    detected, catalog = await found(tmp_path, nobody())
    assert detected.simulator
    assert detected.providers == ()
    assert detected.example_model == "sim-small"
    assert [provider.kind for provider in catalog.providers] == ["openai", "anthropic"]


@pytest.mark.parametrize(
    ("asked", "provider"),
    [
        ("sim-small", "simulator"),
        ("sim-large", "simulator"),
        ("sim-flaky", "simulator"),
        ("sim-claude-large", "simulator-anthropic"),
    ],
)
async def test_the_simulators_names_lead_to_its_two_apis(tmp_path: Path, asked: str, provider: str) -> None:
    _, catalog = await found(tmp_path, nobody())
    model = catalog.resolve(asked)
    assert model is not None
    (deployment,) = model.deployments
    assert (deployment.provider, deployment.provider_model(asked)) == (provider, asked)
    assert deployment.prices is not None


async def test_keys_bring_their_providers_and_no_simulator(tmp_path: Path) -> None:
    keys = {"OPENAI_API_KEY": "secret-a", "ANTHROPIC_API_KEY": "secret-b", "ANTHROPIC_BASE_URL": "https://proxy.test/x"}
    detected, catalog = await found(tmp_path, nobody() | keys)
    assert not detected.simulator
    assert detected.providers == ("openai", "anthropic")
    assert str(catalog.provider("openai").base_url) == "https://api.openai.com/v1"
    assert str(catalog.provider("anthropic").base_url) == "https://proxy.test/x"
    assert catalog.provider("openai").api_key(keys) == "secret-a"
    for asked, provider in (("gpt-5.4-mini", "openai"), ("o3", "openai"), ("claude-haiku-4-5", "anthropic")):
        model = catalog.resolve(asked)
        assert model is not None
        assert model.deployments[0].provider == provider
    assert "secret" not in detected.catalog.read_text()


async def test_an_empty_key_is_no_key(tmp_path: Path) -> None:
    detected, _ = await found(tmp_path, nobody() | {"OPENAI_API_KEY": " "})
    assert detected.simulator


async def test_a_local_ollama_brings_its_models(tmp_path: Path) -> None:
    body = json.dumps({"models": [{"name": "llama3.2:latest"}, {"name": "hf.co/a/b:Q4_K_M"}]}).encode()
    async with ollama(body) as host:
        detected, catalog = await found(tmp_path, {"OLLAMA_HOST": host})
    assert detected.providers == ("ollama",)
    assert detected.simulator
    assert str(catalog.provider("ollama").base_url) == f"http://{host}/v1"
    model = catalog.resolve("llama3.2:latest")
    assert model is not None
    assert model.deployments[0].provider_model("llama3.2:latest") == "llama3.2:latest"
    assert unpriced(catalog, PriceBook(), datetime.now(UTC)) == [], "what runs here costs nothing, and says so"


@pytest.mark.parametrize(
    "body", [b"not json", b"[]", b'{"models": {}}', b'{"models": [{"name": 3}, 4]}', b'{"models": []}']
)
async def test_something_else_on_ollamas_port_is_no_ollama(tmp_path: Path, body: bytes) -> None:
    async with ollama(body) as host:
        detected, _ = await found(tmp_path, {"OLLAMA_HOST": host})
    assert detected.providers == ()


async def test_an_ollama_that_does_not_answer_costs_a_third_of_a_second(tmp_path: Path) -> None:
    async def say_nothing(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        await reader.read()

    async with await asyncio.start_server(say_nothing, "127.0.0.1", 0) as silent:
        host, port = silent.sockets[0].getsockname()
        began = asyncio.get_running_loop().time()
        detected, _ = await found(tmp_path, {"OLLAMA_HOST": f"{host}:{port}"})
        assert asyncio.get_running_loop().time() - began < 2
    assert detected.providers == ()


@pytest.mark.parametrize(
    ("setting", "address"),
    [
        (None, Address("127.0.0.1", 11434)),
        ("0.0.0.0", Address("0.0.0.0", 11434)),
        (":9000", Address("127.0.0.1", 9000)),
        ("box:9000", Address("box", 9000)),
        ("http://box", Address("box", 80)),
        ("https://box", Address("box", 443, tls=True)),
        ("box:nonsense", Address("127.0.0.1", 11434)),
    ],
)
def test_ollama_host_is_read_as_ollama_reads_it(setting: str | None, address: Address) -> None:
    assert ollama_address({} if setting is None else {"OLLAMA_HOST": setting}) == address


def test_a_server_on_every_interface_is_asked_on_loopback() -> None:
    assert Address("0.0.0.0", 1).url == "http://127.0.0.1:1"
    assert Address("::", 1).url == "http://[::1]:1"


def test_tags_that_a_catalogue_cannot_name_are_left_out() -> None:
    names = ["good:1b", "two words", "star*", "x" * 200, "good:1b"]
    assert ollama_tags(json.dumps({"models": [{"name": name} for name in names]}).encode()) == ("good:1b",)


def test_a_given_catalogue_wants_the_simulator_where_it_names_its_address(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(
        "providers:\n"
        "  - {name: groq, kind: openai, base_url: 'https://api.groq.test/openai/v1', api_key_env: GROQ_API_KEY}\n"
        f"  - {{name: pretend, kind: openai, base_url: 'http://localhost:{SIMULATOR_PORT}/v1'}}\n"
        "models:\n"
        "  - {name: 'any-*', deployments: []}\n"
        "  - {name: fast, deployments: []}\n"
    )
    keys = frozenset({"GROQ_API_KEY"})
    assert read_catalog(path, SIMULATOR_PORT) == Detected(path, ("groq",), "fast", simulator=True, key_variables=keys)
    assert read_catalog(path, 9999) == Detected(path, ("groq", "pretend"), "fast", simulator=False, key_variables=keys)


@pytest.mark.parametrize("text", ["{", "3", "providers: 4", "providers: [5]", "\0"])
def test_a_broken_catalogue_is_for_the_settings_to_refuse(tmp_path: Path, text: str) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(text)
    assert read_catalog(path, SIMULATOR_PORT) == Detected(path, (), None, simulator=False)


def started(**changes: object) -> Started:
    fields: dict[str, object] = {
        "api": "http://127.0.0.1:8080",
        "nats": "nats://127.0.0.1:4222",
        "nats_creds": Path("/data/nats-auth/default.creds"),
        "database": "postgresql://penstock:secret@127.0.0.1:15432/penstock",
        "simulator": "http://127.0.0.1:8081",
        "api_key": "psk_a_b",
        "data": Path("/data"),
        "logs": Path("/data/logs"),
        "metrics": {"api": "http://127.0.0.1:8080/metrics"},
        "prometheus_targets": Path("/data/prometheus-targets.json"),
        "providers": (),
        "example_model": "sim-small",
        "catalog_given": False,
    }
    return Started(**(fields | changes))  # type: ignore[arg-type]


def test_the_start_message_shows_the_first_key_and_a_whole_request() -> None:
    message = start_message(started(), 1.23)
    assert "ready after 1.2 s" in message
    assert "no provider key is set: answers come from the built-in simulator" in message
    assert "The first API key, shown only this once: psk_a_b" in message
    assert (
        'curl http://127.0.0.1:8080/v1/chat/completions -H "Authorization: Bearer psk_a_b" '
        '-H "Content-Type: application/json" '
        """-d '{"model": "sim-small", "messages": [{"role": "user", "content": "Hello"}]}'"""
    ) in message
    assert "secret" not in message


def test_a_later_start_message_takes_the_key_from_the_environment() -> None:
    message = start_message(started(api_key=None, simulator=None, providers=("openai",)), 1.0)
    assert '"Authorization: Bearer $PENSTOCK_API_KEY"' in message
    assert "first API key" not in message
    assert "providers  openai" in message
    assert "simulator" not in message
