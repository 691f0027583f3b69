"""One platform for all of these tests, whose every provider is the simulator, and the official clients of it."""

from collections.abc import AsyncIterator, Callable, Generator, Iterator, Mapping
from contextlib import AsyncExitStack
from typing import Any

import anthropic
import httpx2
import openai
import pytest
import pytest_asyncio

from infra.embedded.ports import free_ports
from tests.e2e.running import Penstock, Up, penstock_of
from tests.e2e.sdk.catalogue import KEY_VARIABLE, write_catalogue
from tests.e2e.sdk.chat_front import ChatFront
from tests.e2e.sdk.front import Front, Heard, got
from tests.e2e.sdk.matrix import Cell
from tests.e2e.sdk.messages_front import MessagesFront
from tests.e2e.sdk.responses_front import ResponsesFront
from tests.support.homes import home_directory

_FRONTS: Mapping[str, type[Front]] = {
    **{front.name: front for front in (ChatFront, ResponsesFront, MessagesFront)},
    "count_tokens": MessagesFront,
}
_CLIENTS = {
    ("openai", "sync"): openai.OpenAI,
    ("openai", "async"): openai.AsyncOpenAI,
    ("anthropic", "sync"): anthropic.Anthropic,
    ("anthropic", "async"): anthropic.AsyncAnthropic,
}
Clients = Callable[[str, str], Any]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """No cell of the matrix is left out: one that is skipped has failed."""
    report = yield
    if report.skipped and "cell" in getattr(item, "fixturenames", ()):
        report.outcome, report.longrepr = "failed", f"a cell was skipped: {report.longrepr}"
    return report


async def _close(client: Any) -> None:
    await got(client.close())


@pytest.fixture(scope="session")
def platform() -> Iterator[Penstock]:
    """`penstock up` with a provider of every kind."""
    (port,) = free_ports(1)
    with home_directory() as home:
        # So many tests look into the ledger that a row is not to wait for company.
        started = Up(home, **{KEY_VARIABLE: "a-key-of-azure", "PENSTOCK_LEDGER_LINGER": "0.001"})
        catalogue = write_catalogue(home / "catalogue.yaml", f"http://127.0.0.1:{port}")
        try:
            told = started.start(f"--simulator-port={port}", f"--catalog={catalogue}")
            yield penstock_of(told, started.data)
        finally:
            started.end()


@pytest.fixture(scope="session")
def other_key(platform: Penstock) -> str:
    """The key of another tenant."""
    return platform.create_key("another-team")


@pytest.fixture(scope="session")
def heard() -> Heard:
    """The newest answer's headers."""
    return Heard()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def clients(platform: Penstock, heard: Heard) -> AsyncIterator[Clients]:
    """The client of an SDK in a mode; none tries again by itself, so that a test sees each answer."""
    hooks = {"sync": heard.hear, "async": heard.hear_async}
    async with AsyncExitStack() as stack:

        def opened(sdk: str, mode: str) -> Any:
            transport = httpx2.Client if mode == "sync" else httpx2.AsyncClient
            client = _CLIENTS[sdk, mode](
                base_url=platform.base_url if sdk == "openai" else platform.api,
                api_key=platform.key,
                max_retries=0,
                timeout=30,
                http_client=transport(event_hooks={"response": [hooks[mode]]}, timeout=30),
            )
            stack.push_async_callback(_close, client)
            return client

        made = {of: opened(*of) for of in _CLIENTS}
        yield lambda sdk, mode: made[sdk, mode]


@pytest.fixture
def front(cell: Cell, clients: Clients, heard: Heard) -> Front:
    """The front of the test's cell."""
    found = _FRONTS[cell.front]
    return found(clients(found.sdk.__name__, cell.mode), heard, cell)
