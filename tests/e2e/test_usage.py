"""Reports over HTTP and in the terminal, of what a platform has just answered."""

import csv
import io
import json
import uuid
from decimal import Decimal
from typing import Any

import httpx2
import pytest
from openai import OpenAI

from tests.e2e.running import Penstock, cost_of
from tests.e2e.waiting import until


class Team:
    """A tenant of its own, with a key of it: what it has been told that its answers cost."""

    def __init__(self, penstock: Penstock) -> None:
        self.tenant = f"team-{uuid.uuid4().hex[:8]}"
        self.key = penstock.create_key(self.tenant)
        self.costs: dict[tuple[str, str], Decimal] = {}
        self.saved = Decimal()

    def ask(self, client: OpenAI, model: str, feature: str, question: str) -> str:
        raw = client.chat.completions.with_raw_response.create(
            model=model,
            messages=[{"role": "user", "content": question}],
            extra_headers={"x-penstock-tags": f"feature={feature}"},
        )
        place = (model, feature)
        self.costs[place] = self.costs.get(place, Decimal()) + cost_of(raw.headers["x-penstock-cost-usd"])
        self.saved += Decimal(raw.headers.get("x-penstock-saved-usd", "0"))
        return str(raw.headers["x-penstock-cache"])


@pytest.fixture(scope="module")
def team(penstock: Penstock) -> Team:
    """What it asked is in the ledger: two models, two features, an answer of the cache's."""
    team = Team(penstock)
    asked = f"What is {uuid.uuid4().hex}?"
    with penstock.client(team.key) as client:
        for number in range(6):
            team.ask(client, ("sim-small", "sim-large")[number % 2], f"f{number % 3}", f"{number} {asked}")
        until(lambda: team.ask(client, "sim-small", "f0", asked) == "hit", "a cache hit")

    def written() -> bool:
        total = report(penstock, team.key)["total"]
        return bool(total["cache_hits"]) and Decimal(total["cost_usd"]) == sum(team.costs.values())

    until(written, "the rows of what was asked")
    return team


def get(penstock: Penstock, key: str, query: str = "", **headers: str) -> httpx2.Response:
    return httpx2.get(f"{penstock.base_url}/usage?{query}", headers={"authorization": f"Bearer {key}", **headers})


def report(penstock: Penstock, key: str, query: str = "") -> dict[str, Any]:
    answer = get(penstock, key, query)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def test_a_tenants_report_is_what_its_answers_said(penstock: Penstock, team: Team) -> None:
    found = report(penstock, team.key, "bucket=none&group_by=model,tag:feature")
    costs = {(row["model"], row["tag:feature"]): Decimal(row["cost_usd"]) for row in found["data"]}
    assert costs == team.costs
    assert Decimal(found["total"]["saved_usd"]) == team.saved > 0
    assert found["total"]["requests"] == found["total"]["calls"] + found["total"]["cache_hits"]


def test_another_tenants_rows_are_denied_but_to_an_administrator(penstock: Penstock, team: Team) -> None:
    query = f"tenant={team.tenant}&bucket=none&group_by=tenant,organisation,key"
    with_scope = report(penstock, penstock.create_key("default", "admin"), query)
    (row,) = with_scope["data"]
    assert (row["tenant"], row["organisation"], row["key"]) == (team.tenant, "default", team.key.split("_")[1])
    denied = get(penstock, penstock.create_key("default"), query)
    assert (denied.status_code, denied.json()["error"]["code"]) == (403, "permission_denied")


def test_csv_has_the_same_rows(penstock: Penstock, team: Team) -> None:
    query = "bucket=none&group_by=model"
    answer = get(penstock, team.key, query, accept="text/csv")
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    lines = list(csv.DictReader(io.StringIO(answer.text)))
    rows = report(penstock, team.key, query)["data"]
    assert [(line["model"], line["cost_usd"]) for line in lines] == [(row["model"], row["cost_usd"]) for row in rows]


def test_what_is_no_parameter_is_refused(penstock: Penstock, team: Team) -> None:
    answer = get(penstock, team.key, "tennant=acme")
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, "tennant")


def test_the_command_shows_a_table_with_bars_and_the_total(penstock: Penstock, team: Team) -> None:
    done = penstock.run("usage", "--by", "model", "--by", "day", "--since", "1d", key=team.key)
    assert done.returncode == 0, done.stderr
    small, large = (next(line for line in done.stdout.splitlines() if name in line) for name in ("-small", "-large"))
    assert large.count("█") > small.count("█")
    assert "total" in done.stdout


def test_the_command_gives_json_and_csv(penstock: Penstock, team: Team) -> None:
    asked = ("usage", "--by", "model", "--since", "24h", "--tag", "feature=f0")
    rows = json.loads(penstock.run(*asked, "--json", key=team.key).stdout)["data"]
    costs = {model: cost for (model, feature), cost in team.costs.items() if feature == "f0"}
    assert {row["model"]: Decimal(row["cost_usd"]) for row in rows} == costs
    lines = list(csv.DictReader(io.StringIO(penstock.run(*asked, "--csv", key=team.key).stdout)))
    assert {line["model"]: Decimal(line["cost_usd"]) for line in lines} == costs
