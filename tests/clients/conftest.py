"""One running platform for the frameworks. Its models have names that they know: some refuse any other."""

import json
from collections.abc import Iterator

import pytest

from infra.embedded.ports import free_ports
from tests.e2e.running import Penstock, Up, penstock_of
from tests.support.homes import home_directory

ANSWERED_BY_OPENAI, ANSWERED_BY_ANTHROPIC = "claude-sonnet-4-5", "claude-haiku-4-5"
"""Both are the simulator's small model, by another API each."""


@pytest.fixture(scope="session")
def penstock() -> Iterator[Penstock]:
    """The platform with its built-in simulator."""
    (port,) = free_ports(1)
    url = f"http://127.0.0.1:{port}"
    catalog = {
        "providers": [
            {"name": "one", "kind": "openai", "base_url": f"{url}/v1"},
            {"name": "two", "kind": "anthropic", "base_url": url},
        ],
        "models": [
            {"name": name, "deployments": [{"name": f"{provider}/small", "provider": provider, "model": "sim-small"}]}
            for name, provider in ((ANSWERED_BY_OPENAI, "one"), (ANSWERED_BY_ANTHROPIC, "two"))
        ],
    }
    with home_directory() as home:
        (home / "catalog.yaml").write_text(json.dumps(catalog))
        up = Up(home)
        try:
            told = up.start(f"--catalog={home / 'catalog.yaml'}", f"--simulator-port={port}")
            yield penstock_of(told, up.data)
        finally:
            up.end()
