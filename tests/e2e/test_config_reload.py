"""Another model catalogue while the platform runs: saved in its file, or applied with `penstock config`."""

import json
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import openai
import pytest
from openai import OpenAI

from infra.catalog.load import digest_of
from tests.e2e.running import Penstock, Up, penstock_of
from tests.e2e.waiting import until
from tests.support.homes import home_directory
from tests.support.simulator import Simulator

BAR = 2.0
"""Seconds in which a change has reached every process."""
PATIENCE = 20.0
PROCESSES = ("worker-all", "api")


class Configured:
    """A platform that runs with a catalogue of ours."""

    def __init__(self, up: Up, file: Path, simulator: Simulator) -> None:
        self.up, self.file, self._simulator = up, file, simulator
        self.file.write_text(self.catalog("first"))
        self.penstock = penstock_of(up.start(f"--catalog={file}"), up.data)

    def catalog(self, *models: str, **provider: Any) -> str:
        """One provider, the simulator, and models that it has."""
        deployments = {name: [{"name": f"sim/{name}", "provider": "sim", "model": f"sim-{name}"}] for name in models}
        entry = {"name": "sim", "kind": "openai", "base_url": f"{self._simulator.url}/v1", **provider}
        listed = [{"name": name, "deployments": found} for name, found in deployments.items()]
        return json.dumps({"providers": [entry], "models": listed}, indent=1)

    def save(self, *models: str) -> None:
        """Save the file, and wait until every process has taken it over."""
        self.file.write_text(self.catalog(*models))
        self.until_in_force(self.catalog(*models))

    def apply(self, text: str) -> str:
        """`penstock config apply`, and wait until every process has taken it over; what it said."""
        status, said, complained = self.config("apply", text)
        assert (status, complained) == (0, "")
        self.until_in_force(text)
        return said

    def until_in_force(self, text: str) -> None:
        """Wait until this is what every process works with."""
        wanted = digest_of(text.encode())
        for process in PROCESSES:
            until(lambda process=process: self._digest(process) == wanted, f"{process} to have it", PATIENCE)

    def _digest(self, process: str) -> str:
        """What tells the catalogue that a process works with from others."""
        return [line["digest"] for line in self._logged(process) if "digest" in line][-1]

    def config(self, command: str, text: str) -> tuple[int, str, str]:
        """A `penstock config` command about a file that holds this."""
        file = self.file.with_name("given.yaml")
        file.write_text(text)
        done = self.penstock.run("config", command, str(file))
        return done.returncode, done.stdout, done.stderr

    def refusals(self, process: str) -> list[dict[str, Any]]:
        """What a process logged of catalogues that it refused."""
        return [line for line in self._logged(process) if line["event"] == "catalog_refused"]

    def _logged(self, process: str) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.penstock.log_lines(process) if line.startswith("{")]


@pytest.fixture(scope="module")
def configured(simulator_process: Simulator) -> Iterator[Configured]:
    with home_directory() as home:
        up = Up(home)
        try:
            yield Configured(up, home / "models.yaml", simulator_process)
        finally:
            up.end()


@pytest.fixture
def penstock(configured: Configured) -> Penstock:
    """Instead of everyone's."""
    return configured.penstock


def listed(client: OpenAI) -> set[str]:
    return {model.id for model in client.models.list()}


def ask(client: OpenAI, model: str, question: str) -> str:
    answer = client.chat.completions.create(model=model, messages=[{"role": "user", "content": question}])
    return str(answer.choices[0].message.content)


def test_a_saved_file_reaches_the_ingress_and_the_workers(
    configured: Configured, client: OpenAI, question: str
) -> None:
    configured.save("first")
    with pytest.raises(openai.NotFoundError):
        ask(client, "saved", question)
    configured.save("first", "saved")
    assert listed(client) == {"first", "saved"}
    assert ask(client, "saved", question)


def test_a_change_has_reached_every_process_within_two_seconds(configured: Configured) -> None:
    took: list[float] = []
    for number in range(3):
        began = time.monotonic()
        configured.save("first", f"saved-{number}")
        took.append(time.monotonic() - began)
    # The best of some: what else the machine does at the time is not what is measured.
    assert min(took) < BAR


def test_an_applied_one_reaches_the_ingress_and_the_workers_and_says_what_it_changed(
    configured: Configured, client: OpenAI, question: str
) -> None:
    configured.save("first", "second")
    said = configured.apply(configured.catalog("second", "applied", residency="local"))
    assert said.splitlines() == [
        "~ provider sim: residency",
        "+ model applied",
        "- model first",
        "in force",
    ]
    assert listed(client) == {"second", "applied"}
    told = json.loads(configured.penstock.run("audit", "list", "--kind", "catalogue", "--limit", "1", "--json").stdout)
    assert [(entry["action"], entry["actor"].partition(":")[0]) for entry in told] == [("applied", "cli")]
    assert {
        name: told[0][side]["provider sim"].get("residency") for name, side in (("was", "before"), ("is", "after"))
    } == {
        "was": None,
        "is": "local",
    }
    assert ("model first" in told[0]["before"], "model first" in told[0]["after"]) == (True, False)
    assert ask(client, "applied", question)
    with pytest.raises(openai.NotFoundError):
        ask(client, "first", question)


def test_what_is_in_force_is_shown_as_it_was_written(configured: Configured) -> None:
    text = "# By hand.\n" + configured.catalog("shown") + "\n"
    configured.apply(text)
    done = configured.penstock.run("config", "show")
    first, _, rest = done.stdout.partition("\n")
    assert (done.returncode, rest) == (0, text)
    assert first.startswith("# in force since 20")
    assert first.endswith(", from penstock-config/catalog")


def test_a_file_saved_later_goes_before_what_was_applied(configured: Configured, client: OpenAI) -> None:
    configured.apply(configured.catalog("applied"))
    configured.save("saved-later")
    assert listed(client) == {"saved-later"}


def test_a_wrong_file_is_refused_with_its_line_by_every_process_and_the_old_one_stays(
    configured: Configured, client: OpenAI, question: str
) -> None:
    configured.save("good")
    before = {process: len(configured.refusals(process)) for process in PROCESSES}
    configured.file.write_text(configured.catalog("bad").replace('"openai"', '"telepathy"'))
    for process, known in before.items():
        (told,) = until(lambda process=process, known=known: configured.refusals(process)[known:], "the line", PATIENCE)
        assert (told["file"], told["line"]) == (str(configured.file), 5)
        assert "providers.0.kind" in told["reason"]
    assert listed(client) == {"good"}
    assert ask(client, "good", question)


def test_a_process_that_dies_while_the_file_is_wrong_comes_back_with_what_worked(
    configured: Configured, client: OpenAI, question: str
) -> None:
    configured.save("good")
    until(lambda: '"good"' in configured.penstock.run("config", "show").stdout, "what is in force", PATIENCE)
    configured.file.write_text("providers: [\n")
    for process in PROCESSES:
        before = configured.up.pid(process)
        os.kill(before, signal.SIGKILL)
        until(lambda process=process, before=before: configured.up.pid(process) != before, "it to be back", PATIENCE)
    until(lambda: is_ready(configured.penstock), "readiness", 60)
    assert listed(client) == {"good"}
    assert ask(client, "good", question)


def test_a_wrong_one_is_not_applied(configured: Configured, client: OpenAI) -> None:
    configured.save("good")
    wrong = configured.catalog("bad").replace('"sim-bad"', "[]")
    line = wrong[: wrong.index("[]")].count("\n") + 1
    status, said, complained = configured.config("apply", wrong)
    assert (status, said) == (1, "")
    assert f" is wrong in line {line} (models.0.deployments.0.model): " in complained
    assert '"good"' in configured.penstock.run("config", "show").stdout
    assert listed(client) == {"good"}


def test_a_catalogue_is_checked_without_a_platform(configured: Configured) -> None:
    good = configured.config("check", configured.catalog("one", "two"))
    assert good[0] == 0
    assert good[1].endswith("is a model catalogue: 1 providers, 2 models.\n")
    status, _, complained = configured.config("check", "providers: []\nmodels: []\n")
    assert status == 1
    assert complained.splitlines()[0].startswith("line 1 (providers): ")
    assert complained.splitlines()[1].startswith("line 2 (models): ")
    assert " is wrong in line 1 (providers): " in complained.splitlines()[2]


def test_one_that_the_provider_worker_cannot_use_is_told_to_whoever_applies_it(
    configured: Configured, client: OpenAI, question: str
) -> None:
    configured.apply(configured.catalog("good"))
    keyless = configured.catalog("good", api_key_env="A_KEY_THAT_NOBODY_HAS_SET")
    status, said, complained = configured.config("apply", keyless)
    assert (status, said) == (1, "~ provider sim: api_key_env\n")
    assert "no provider worker has taken it over" in complained
    assert "A_KEY_THAT_NOBODY_HAS_SET" in configured.refusals("worker-all")[-1]["reason"]
    assert ask(client, "good", question)


def is_ready(penstock: Penstock) -> bool:
    try:
        return penstock.get("/readyz").status_code == 200
    except httpx2.TransportError:
        return False


def test_the_semantic_cache_is_switched_on_by_a_catalogue(configured: Configured, client: OpenAI) -> None:
    """What it learns is told elsewhere: here its rule is opened by hand, and its entries count as borne out."""
    catalog = json.loads(configured.catalog("faq"))
    catalog["models"][0]["cache"] = {"semantic": {"verify": 0.001}}
    configured.apply(json.dumps(catalog))
    wordings = (f"How do I reset my password{'?' * marks}" for marks in range(1, 200))

    def learnt() -> bool:
        ask(client, "faq", next(wordings))
        return bool(configured.penstock.sql("SELECT model FROM semantic_rules"))

    until(learnt, "an answer that was compared with another one's", PATIENCE)
    opened = "UPDATE semantic_rules SET weights = ARRAY[0,0,0,0,0,0], threshold = -1, seen = 500"

    def answered() -> str:
        configured.penstock.sql(opened)
        configured.penstock.sql('UPDATE semantic_entries SET "right" = 5, wrong = 0')
        messages: Any = [{"role": "user", "content": next(wordings)}]
        raw = client.chat.completions.with_raw_response.create(model="faq", messages=messages)
        said = raw.headers["x-penstock-cache"]
        return said if said != "miss" else ""

    assert until(answered, "an answer of the semantic cache's", PATIENCE).startswith("semantic; similarity=")
    rows = until(
        lambda: configured.penstock.sql("SELECT status FROM usage WHERE starts_with(cache, 'semantic;')"),
        "its row",
        PATIENCE,
    )
    assert {row["status"] for row in rows} == {"cache_hit"}
    messages: Any = [{"role": "user", "content": next(wordings)}]
    opted_out = client.chat.completions.with_raw_response.create(
        model="faq", messages=messages, extra_headers={"x-penstock-cache": "no-semantic"}
    )
    assert opted_out.headers["x-penstock-cache"] == "miss"
