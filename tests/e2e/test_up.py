"""`penstock up` as a person runs it: everything real but the models, which the built-in simulator plays."""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

ANY_PORT = ("--port=0", "--nats-port=0", "--postgres-port=0", "--simulator-port=0")
NO_PROVIDER = {"OPENAI_API_KEY": "", "ANTHROPIC_API_KEY": "", "OLLAMA_HOST": "127.0.0.1:1"}
STARTS_WITHIN = 60.0


class Platform:
    """One home directory, the `penstock up` that runs on it now, and the key of its first start."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.ready_file, self.output = home / "ready.json", home / "output"
        self.process: psutil.Popen | None = None
        self.key = ""

    def begin(self, *flags: str, **environ: str) -> psutil.Popen:
        paths = (f"--data-dir={self.home / 'data'}", f"--ready-file={self.ready_file}")
        with self.output.open("wb") as output:
            self.process = psutil.Popen(
                [sys.executable, "-P", "-m", "cli", "up", *ANY_PORT, *paths, *flags],
                env=os.environ | NO_PROVIDER | environ,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        return self.process

    def start(self, *flags: str) -> dict[str, Any]:
        process = self.begin(*flags)
        until(lambda: self.ready_file.exists() or process.poll() is not None, STARTS_WITHIN, self.said)
        assert process.poll() is None, self.said()
        told = self.told()
        self.key = told["api_key"] or self.key
        return told

    def told(self) -> dict[str, Any]:
        told: dict[str, Any] = json.loads(self.ready_file.read_text())
        return told

    def said(self) -> str:
        return self.output.read_text()

    def stop(self) -> int:
        assert self.process is not None
        os.killpg(self.process.pid, signal.SIGINT)
        return int(self.process.wait(40))

    def ask(self, question: str) -> str:
        """One chat completion's answer. Raises `urllib.error.HTTPError`."""
        body = {"model": "sim-small", "messages": [{"role": "user", "content": question}]}
        request = urllib.request.Request(
            f"{self.told()['api']}/v1/chat/completions",
            json.dumps(body).encode(),
            {"Authorization": f"Bearer {self.key}", "Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=30) as answer:
            return str(json.load(answer)["choices"][0]["message"]["content"])

    def is_ready(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.told()['api']}/readyz", timeout=5) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False


def until(true: Callable[[], bool], within: float, why: Callable[[], str] = str) -> None:
    deadline = time.monotonic() + within
    while not true():
        assert time.monotonic() < deadline, why()
        time.sleep(0.05)


@pytest.fixture
def platform() -> Iterator[Platform]:
    with tempfile.TemporaryDirectory(prefix="penstock-") as path:
        Path(path).chmod(0o711)
        platform = Platform(Path(path))
        yield platform
        process = platform.process
        if process is not None and process.poll() is None:
            process.send_signal(signal.SIGINT)
            process.send_signal(signal.SIGINT)
            process.wait(10)


@pytest.mark.skipif(shutil.which("curl") is None, reason="there is no curl")
def test_the_curl_line_that_it_prints_works(platform: Platform) -> None:
    platform.start()
    until(lambda: "Ctrl-C stops it." in platform.said(), 5)
    (line,) = [line for line in platform.said().splitlines() if line.startswith("  curl ")]
    done = subprocess.run(["/bin/sh", "-c", line], capture_output=True, timeout=30, check=True)
    assert json.loads(done.stdout)["choices"][0]["message"]["content"]


def test_a_second_start_knows_the_first_ones_key_and_nothing_is_left_between(platform: Platform) -> None:
    first = platform.start()
    assert platform.ask("first")
    assert platform.stop() == 0
    assert not [pid for pid in first["pids"].values() if psutil.pid_exists(pid)]
    second = platform.start()
    assert second["api_key"] is None
    assert platform.ask("second")
    assert platform.stop() == 0


def test_each_worker_may_be_killed_and_is_back(platform: Platform) -> None:
    before = platform.start("--processes")["pids"]
    workers = [name for name in before if name.startswith("worker-")]
    assert len(workers) > 3
    for name in workers:
        os.kill(before[name], signal.SIGKILL)
    until(lambda: platform.said().count("was killed by SIGKILL; started again") == len(workers), 20, platform.said)
    until(platform.is_ready, 30, platform.said)
    assert platform.ask("after")
    after = platform.told()["pids"]
    assert all(after[name] != before[name] for name in workers)
    assert all(after[name] == before[name] for name in before.keys() - workers)


@pytest.mark.parametrize("server", ["nats", "postgres"])
def test_a_killed_server_is_back_and_the_workers_stay(platform: Platform, server: str) -> None:
    before = platform.start()["pids"]
    assert platform.ask("before")
    os.kill(before[server], signal.SIGKILL)
    until(lambda: "started again" in platform.said(), 10, platform.said)
    until(platform.is_ready, 30, platform.said)
    assert platform.ask("after")
    after = platform.told()["pids"]
    assert [name for name in before if before[name] != after[name]] == [server]


def test_a_wrong_setting_is_one_sentence(platform: Platform) -> None:
    process = platform.begin(PENSTOCK_LOG_LEVEL="nonsense")
    assert process.wait(STARTS_WITHIN) == 1
    assert platform.said().startswith("penstock up: PENSTOCK_LOG_LEVEL is not usable: ")
    assert len(platform.said().splitlines()) == 1


def test_a_broken_catalogue_is_one_sentence_with_its_file(platform: Platform) -> None:
    catalog = platform.home / "mine.yaml"
    catalog.write_text("providers: []\nmodels: []\n")
    process = platform.begin(f"--catalog={catalog}")
    assert process.wait(STARTS_WITHIN) == 1
    assert platform.said().startswith(f"penstock up: the model catalogue {catalog} is wrong in line 1 (providers): ")
    assert len(platform.said().splitlines()) == 1
