"""Commands that are run beside a platform find it, and never mix it with another one."""

import json
from pathlib import Path

import pytest

from cli.beside import adopt, retract, tell
from cli.start_message import Started
from infra.embedded.datadir import DataDirectory


@pytest.fixture
def data(tmp_path: Path) -> DataDirectory:
    """The directory of one that runs."""
    data = DataDirectory(tmp_path)
    started = Started(
        api="http://127.0.0.1:8090",
        nats="nats://127.0.0.1:4333",
        nats_creds=data.nats_auth.tenant_creds("default"),
        database="postgresql://penstock:a=b@127.0.0.1:5555/penstock",
        simulator=None,
        api_key=None,
        data=tmp_path,
        logs=data.logs,
        metrics={},
        prometheus_targets=data.prometheus_targets,
        providers=(),
        example_model=None,
        catalog_given=False,
    )
    tell(started, {"api": 17}, tmp_path / "ready.json")
    return data


def test_a_command_finds_all_of_the_platform_beside_it(data: DataDirectory):
    environ = {"HOME": "/root"}
    adopt("tenant", environ, data.path)
    assert environ == {
        "HOME": "/root",
        "PENSTOCK_DATABASE_URL": "postgresql://penstock:a=b@127.0.0.1:5555/penstock",
        "PENSTOCK_NATS_URL": "nats://127.0.0.1:4333",
        "PENSTOCK_NATS_CREDS": str(data.nats_auth.service_creds),
        "PENSTOCK_BASE_URL": "http://127.0.0.1:8090/v1",
    }


def test_where_one_place_is_named_no_other_is_taken_from_beside(data: DataDirectory):
    environ = {"PENSTOCK_NATS_URL": "nats://prod:4222"}
    adopt("tenant", environ, data.path)
    assert environ == {"PENSTOCK_NATS_URL": "nats://prod:4222"}


@pytest.mark.parametrize("command", ["up", "api", "worker", "setup"])
def test_a_platform_s_own_processes_take_nothing_from_beside(command: str, data: DataDirectory):
    environ: dict[str, str] = {}
    adopt(command, environ, data.path)
    assert environ == {}


def test_a_platform_that_was_stopped_is_not_found_any_more(data: DataDirectory):
    ready = data.path / "ready.json"
    assert json.loads(ready.read_text())["pids"] == {"api": 17}
    assert data.connection.stat().st_mode & 0o777 == 0o600
    retract(data, ready)
    environ: dict[str, str] = {}
    adopt("tenant", environ, data.path)
    assert (environ, ready.exists()) == ({}, False)


def test_who_names_the_same_platform_as_the_quickstart_does_finds_the_rest_of_it(data: DataDirectory) -> None:
    environ = {"PENSTOCK_BASE_URL": _told(data)["PENSTOCK_BASE_URL"]}
    adopt("dlq", environ, data.path)
    assert environ == _told(data)


def _told(data: DataDirectory) -> dict[str, str]:
    lines = data.connection.read_text(encoding="utf-8").splitlines()
    return dict(line.split("=", 1) for line in lines)
