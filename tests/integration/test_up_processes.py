"""`penstock up` with the real servers and stand-ins for the platform's own processes: start, watch, stop, refuse."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from infra.embedded.ports import free_ports
from tests.support.homes import home_directory

STAND_IN = Path(__file__).with_name("stand_in_penstock.py")
PROGRAM = f"""
import asyncio, json, sys
from pathlib import Path
from cli.options import UpOptions
from cli.up import up
options = json.loads(sys.argv[1])
paths = {{name: Path(options.pop(name)) for name in ("data_dir", "ready_file")}}
sys.exit(asyncio.run(up(UpOptions(**paths, **options), (sys.executable, {str(STAND_IN)!r}))))
"""
PROVIDER_VARIABLES = ("OPENAI_API_KEY", "ANTHROPIC_API_KEY")


class Platform:
    """One data directory, and the `up` that runs on it now."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.ready_file = home / "ready.json"
        self.process: psutil.Popen | None = None
        self.output = home / "output"

    def start(self, environ: dict[str, str] | None = None, **options: Any) -> None:
        ports = dict.fromkeys(("port", "nats_port", "postgres_port", "simulator_port"), 0)
        paths = {"data_dir": str(self.home / "data"), "ready_file": str(self.ready_file)}
        clean = {name: value for name, value in os.environ.items() if name not in PROVIDER_VARIABLES}
        nowhere = f"127.0.0.1:{free_ports(1)[0]}"
        with self.output.open("wb") as output:
            self.process = psutil.Popen(
                [sys.executable, "-c", PROGRAM, json.dumps(ports | paths | options)],
                env=clean | {"STAND_IN_DIR": str(self.home), "OLLAMA_HOST": nowhere} | (environ or {}),
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    @property
    def running(self) -> psutil.Popen:
        assert self.process is not None
        return self.process

    def up(self, *workers: str) -> dict[str, Any]:
        """Ready, and the workers have got as far as to mind a SIGTERM."""
        told = self.ready()
        until(lambda: all((self.home / f"{worker}.up").exists() for worker in workers))
        return told

    def ready(self) -> dict[str, Any]:
        """What the ready file says, once it is there."""
        until(lambda: self.ready_file.exists() or self.running.poll() is not None, 30, self.said)
        assert self.ready_file.exists(), self.said()
        told: dict[str, Any] = json.loads(self.ready_file.read_text())
        return told

    def ends(self, within: float = 20) -> int:
        code = self.running.wait(within)
        assert isinstance(code, int)
        return code

    def said(self) -> str:
        return self.output.read_text()

    def order(self) -> list[str]:
        return (self.home / "order").read_text().split()

    def left_over(self) -> list[psutil.Process]:
        """Whatever runs on our data directory, or is a stand-in of ours."""
        home = str(self.home)
        return [process for process in psutil.process_iter() if _belongs(process, home)]


def _belongs(process: psutil.Process, home: str) -> bool:
    try:
        return home in " ".join(process.cmdline()) or process.environ().get("STAND_IN_DIR") == home
    except psutil.Error:
        return False


def until(true: Callable[[], bool], within: float = 10, why: Callable[[], str] = str) -> None:
    deadline = time.monotonic() + within
    while not true():
        assert time.monotonic() < deadline, why()
        time.sleep(0.02)


@pytest.fixture
def platform() -> Iterator[Platform]:
    with home_directory() as home:
        platform = Platform(home)
        yield platform
        if platform.process is not None and platform.process.poll() is None:
            platform.process.send_signal(signal.SIGINT)
            platform.process.send_signal(signal.SIGINT)
            platform.ends()
        until(lambda: not platform.left_over(), why=lambda: str(platform.left_over()))


def test_it_starts_says_where_it_listens_and_stops_in_order(platform: Platform) -> None:
    platform.start()
    told = platform.up("worker-all")
    assert told["pids"].keys() == {"nats", "postgres", "simulator", "worker-all", "api"}
    assert told["api_key"] == "psk_first_secret"
    assert platform.ready_file.stat().st_mode & 0o777 == 0o600
    until(lambda: "Ctrl-C stops it." in platform.said())
    for part in (told["api"], told["nats"], told["simulator"], str(platform.home / "data"), "psk_first_secret"):
        assert part in platform.said()
    os.killpg(platform.running.pid, signal.SIGINT)
    assert platform.ends() == 0
    assert platform.order() == ["api", "worker-all", "simulate"]
    assert platform.said().endswith("Stopped.\n") and not platform.ready_file.exists()
    assert not platform.left_over()


def test_a_second_start_has_no_key_to_show(platform: Platform) -> None:
    for expected in ("psk_first_secret", None):
        platform.start()
        assert platform.ready()["api_key"] == expected
        platform.running.terminate()
        assert platform.ends() == 0
    assert "$PENSTOCK_API_KEY" in platform.said()


def test_each_worker_can_have_its_own_process(platform: Platform) -> None:
    from workers.names import WORKERS

    platform.start(processes=True)
    workers = {f"worker-{name}" for name in WORKERS}
    assert platform.up(*workers)["pids"].keys() == {"nats", "postgres", "simulator", "api"} | workers
    platform.running.terminate()
    assert platform.ends() == 0
    assert platform.order()[0] == "api"
    assert set(platform.order()[1:-1]) == workers


def test_no_secret_is_on_a_command_line(platform: Platform) -> None:
    platform.start()
    told = platform.ready()
    password = told["database"].split(":")[2].split("@")[0]
    lines = [" ".join(process.cmdline()) for process in platform.left_over()]
    assert len(lines) > len(told["pids"])
    assert not any(password in line or "psk_" in line for line in lines)


def test_a_providers_key_reaches_the_worker_that_calls_it_and_no_other_process(platform: Platform) -> None:
    platform.start({"OPENAI_API_KEY": "sk-planted"}, processes=True)
    pids: dict[str, int] = platform.ready()["pids"]
    holders = [name for name, pid in pids.items() if "sk-planted" in psutil.Process(pid).environ().values()]
    assert holders == ["worker-provider"]


def test_a_killed_worker_is_started_again_and_the_ready_file_follows(platform: Platform) -> None:
    platform.start()
    first = platform.ready()["pids"]["worker-all"]
    os.kill(first, signal.SIGKILL)
    until(lambda: json.loads(platform.ready_file.read_text())["pids"].get("worker-all") not in (first, None))
    second = json.loads(platform.ready_file.read_text())["pids"]["worker-all"]
    assert f"worker all (process {first}) was killed by SIGKILL; started again as process {second}" in platform.said()


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a child that its parent died")
@pytest.mark.parametrize("at_once", [True, False])
def test_a_killed_supervisor_leaves_nothing_behind_and_the_next_start_works(platform: Platform, at_once: bool) -> None:
    platform.start()
    platform.ready()
    platform.running.kill()
    platform.ends()
    platform.ready_file.unlink()
    until(lambda: at_once or not platform.left_over(), why=lambda: str(platform.left_over()))
    platform.start()
    platform.ready()
    mine = platform.running.pid
    family = {mine, *(child.pid for child in platform.running.children(recursive=True))}
    assert {process.pid for process in platform.left_over()} <= family


def test_a_second_ctrl_c_kills_at_once(platform: Platform) -> None:
    platform.start({"STAND_IN_WORKER": "stay"})
    platform.up("worker-all")
    platform.running.send_signal(signal.SIGINT)
    until(lambda: "Stopping" in platform.said())
    platform.running.send_signal(signal.SIGINT)
    assert platform.ends(5) == 0


def test_ctrl_c_during_the_start_stops_it(platform: Platform) -> None:
    platform.start()
    until(lambda: any((platform.home / "data").glob("postgres*")))
    platform.running.send_signal(signal.SIGINT)
    assert platform.ends() == 0


def test_a_failed_setup_is_passed_on(platform: Platform) -> None:
    platform.start({"STAND_IN_SETUP": "fail"})
    assert platform.ends() == 1
    assert platform.said() == "penstock up: setup can't go on: it was told so.\n"


def test_a_dead_api_ends_the_start_and_the_first_key_is_not_lost(platform: Platform) -> None:
    platform.start({"STAND_IN_API": "fail"})
    assert platform.ends() == 1
    log = platform.home / "data" / "logs" / "api.log"
    assert platform.said().splitlines() == [
        "The first API key, shown only this once: psk_first_secret",
        f"penstock up: api exited with code 1 before it was ready: api can't go on: it was told so. (log: {log}).",
    ]


def test_a_crash_loop_stops_everything(platform: Platform) -> None:
    platform.start({"STAND_IN_WORKER": "crash"})
    platform.ready()
    assert platform.ends() == 1
    assert "penstock up: worker all died 5 times in 60 s and is not started again" in platform.said()
    assert "the last time it exited with code 1: worker lost its mind" in platform.said()
    assert platform.order() == ["api", "simulate"]


@pytest.mark.parametrize("flag", ["--port", "--nats-port", "--postgres-port", "--simulator-port"])
def test_a_port_in_use_is_one_sentence_with_its_flag(platform: Platform, flag: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        platform.start(**{flag.removeprefix("--").replace("-", "_"): port})
        assert platform.ends() == 1
    assert platform.said() == f"penstock up: port {port} is in use by another program; choose another with {flag}.\n"


def test_a_data_directory_in_use_is_one_sentence_with_its_process(platform: Platform) -> None:
    platform.start()
    platform.ready()
    holder = platform.running.pid
    second = Platform(platform.home)
    second.ready_file, second.output = platform.home / "second.json", platform.home / "second"
    second.start()
    assert second.ends() == 1
    assert second.said() == (
        f"penstock up: data directory {platform.home / 'data'} is in use by penstock up (process {holder}); "
        "stop it or choose another with --data-dir.\n"
    )
    assert platform.running.poll() is None
