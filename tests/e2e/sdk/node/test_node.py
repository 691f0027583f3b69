"""The official Node SDKs: a stream and a loop of tools each, through every front, by every kind of provider."""

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.running import Penstock, clean_environ
from tests.e2e.sdk.matrix import KINDS

SOURCES = ("package.json", "package-lock.json", "asked.mjs", "openai.mjs", "anthropic.mjs")
STREAMS = {"chatStream": "stop", "responsesStream": "completed", "messagesStream": "end_turn"}
LOOPS = ("chatLoop", "responsesLoop", "messagesLoop", "messagesRunner", "messagesRunnerAsItIs")
OLDEST_NODE = 20
_UNREACHABLE = re.compile(r"ENOTFOUND|ECONN|ETIMEDOUT|EAI_AGAIN|ENETUNREACH|EHOSTUNREACH|E40[1347]|E50\d|CERT")
_NPM_CI = (
    *("ci", "--ignore-scripts", "--prefer-offline", "--no-audit", "--no-fund"),
    *("--no-update-notifier", "--fetch-retries=1", "--fetch-retry-mintimeout=1000"),
)


def run(*argv: str, timeout: float, **more: Any) -> "subprocess.CompletedProcess[str]":
    """A command, run to its end within `timeout` seconds."""
    return subprocess.run(argv, capture_output=True, text=True, check=False, timeout=timeout, **more)


@pytest.fixture(scope="session")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The scripts, beside the packages that the lock file names; a skip where this machine can't have them."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        pytest.skip("there is no Node with its npm on this machine")
    version = run(node, "--version", timeout=30).stdout
    if int(version.removeprefix("v").partition(".")[0]) < OLDEST_NODE:
        pytest.skip(f"the SDKs need Node {OLDEST_NODE}, this is {version.strip()}")
    folder = tmp_path_factory.mktemp("node")
    for name in SOURCES:
        shutil.copy(Path(__file__).with_name(name), folder)
    try:
        done = run(npm, *_NPM_CI, cwd=folder, timeout=60)
    except subprocess.TimeoutExpired:
        pytest.skip("the npm registry does not answer in time")
    if done.returncode != 0 and (found := _UNREACHABLE.search(done.stderr)):
        pytest.skip(f"the npm registry can't be reached: {found[0]}")
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture(scope="session")
def said(installed: Path, platform: Penstock) -> dict[str, dict[str, Any]]:
    """What the scripts report: by model, then by task."""
    environ = clean_environ(PENSTOCK_API=platform.api, PENSTOCK_KEY=platform.key)
    models = [f"{kind}-plain" for kind in KINDS]
    found: dict[str, dict[str, Any]] = {model: {} for model in models}
    for script in ("openai.mjs", "anthropic.mjs"):
        done = run("node", script, *models, cwd=installed, env=environ, timeout=60)
        assert done.returncode == 0, done.stderr
        for model, tasks in json.loads(done.stdout).items():
            found[model] |= tasks
    return found


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("task", STREAMS)
def test_a_stream_is_put_together(said: dict[str, dict[str, Any]], kind: str, task: str) -> None:
    answer = said[f"{kind}-plain"][task]
    assert "error" not in answer, answer["error"]
    assert answer["text"].startswith("Echo: What is ")
    assert answer["text"] == "".join(answer["pieces"])
    assert len([piece for piece in answer["pieces"] if piece]) > 10, "the tokens came in one piece"
    assert answer["stop"] == STREAMS[task]
    assert answer["input"] > 0
    assert answer["output"] == 32


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("task", LOOPS)
def test_a_loop_of_tools_ends_with_what_they_returned(said: dict[str, dict[str, Any]], kind: str, task: str) -> None:
    answer = said[f"{kind}-plain"][task]
    assert "error" not in answer, answer["error"]
    (result,) = answer["returned"]
    assert answer["text"].startswith(f"Echo: {result}")


def test_the_lock_names_no_registry_and_every_packages_hash() -> None:
    lock = json.loads(Path(__file__).with_name("package-lock.json").read_text())
    packages = {name: package for name, package in lock["packages"].items() if name}
    assert len(packages) >= len(lock["packages"][""]["dependencies"])
    assert [name for name, package in packages.items() if not package["integrity"].startswith("sha512-")] == []
    assert [name for name, package in packages.items() if "resolved" in package] == []
