"""One running platform for each test process: real servers, real HTTP, the built-in simulator for a provider."""

import uuid
from collections.abc import Iterator

import pytest
from openai import OpenAI

from tests.e2e.otlp_sink import OtlpSink, otlp_sink
from tests.e2e.running import Penstock, Up, penstock_of
from tests.support.homes import home_directory


@pytest.fixture(scope="session")
def spans() -> Iterator[OtlpSink]:
    """Where the platform sends its spans."""
    with otlp_sink() as sink:
        yield sink


@pytest.fixture(scope="session")
def up(spans: OtlpSink) -> Iterator[Up]:
    """`penstock up`, started at the first test that needs it and ended after the last."""
    with home_directory() as home:
        exported = {"OTEL_EXPORTER_OTLP_ENDPOINT": spans.url, "OTEL_BSP_SCHEDULE_DELAY": "100"}
        # All that can be logged is, so that a test can look for what must not be.
        started = Up(home, PENSTOCK_LOG_LEVEL="debug", OPENAI_LOG="debug", ANTHROPIC_LOG="debug", **exported)
        try:
            yield started
        finally:
            started.end()


@pytest.fixture(scope="session")
def penstock(up: Up) -> Penstock:
    """The platform that the tests of this process share."""
    return penstock_of(up.start(), up.data)


@pytest.fixture
def client(penstock: Penstock) -> Iterator[OpenAI]:
    """The official client with the first key."""
    with penstock.client() as client:
        yield client


@pytest.fixture(scope="module")
def stranger(penstock: Penstock, request: pytest.FixtureRequest) -> Iterator[OpenAI]:
    """The same with a key of another tenant, which no other file of tests has."""
    tenant = request.path.stem.replace("_", "-")
    with penstock.client(penstock.create_key(tenant)) as client:
        yield client


@pytest.fixture
def question() -> str:
    """A prompt that nobody has asked before, so that no cache knows it."""
    return f"What is {uuid.uuid4().hex}?"
