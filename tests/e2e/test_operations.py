"""What an operator sees: is it alive, can it work, what does it count, what does it log."""

import json
import os
import signal
import socket
import time
import uuid
from pathlib import Path

import httpx2
import openai
import pytest
from openai import OpenAI
from prometheus_client.parser import text_string_to_metric_families

from tests.e2e.running import Penstock, Up
from tests.e2e.waiting import until
from tests.support.monitoring import (
    PROMETHEUS_OWN,
    Scraped,
    declared,
    families,
    panel_queries,
    rule_queries,
    scrape,
)
from workers.names import WORKERS

CHAT = "/v1/chat/completions"
RARE = frozenset(
    {
        *("penstock_breaker_state", "penstock_dead_letters", "penstock_failed_logins_total"),
        *("penstock_provider_retries_denied_total", "penstock_retrieval_quality", "penstock_semantic_requests_total"),
        *("penstock_budget_spent_ratio", "penstock_budget_reserved_ratio", "penstock_budget_alerts_total"),
        *("penstock_budget_webhooks_total", "penstock_semantic_false_hit_ratio"),
        "penstock_semantic_false_hit_bound_ratio",
    }
)
"""What a platform without faults, budgets, evaluations and semantic caching has nothing to tell of."""


def samples(penstock: Penstock, name: str) -> dict[tuple[str, ...], float]:
    """The samples of a metric by their labels' values, in the order of the labels' names."""
    text = penstock.get("/metrics").text
    return {
        tuple(value for _, value in sorted(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name == name
    }


def test_it_is_alive(penstock: Penstock) -> None:
    answer = penstock.get("/healthz")
    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})


def test_it_is_ready(penstock: Penstock) -> None:
    answer = penstock.get("/readyz")
    assert (answer.status_code, answer.json()) == (200, {"status": "ready", "problems": []})


def test_readiness_names_what_is_gone_until_it_is_back(up: Up, penstock: Penstock) -> None:
    """The supervisor starts a killed worker again; until it reads, the platform says that nobody does, or answers."""
    os.kill(up.pid("worker-all"), signal.SIGKILL)
    problems: list[str] = until(lambda: _problems(penstock), "a platform that is not ready")
    assert any("no worker reads " in problem or "does not answer" in problem for problem in problems)
    until(lambda: penstock.get("/readyz").status_code == 200, "readiness", within=30)


def test_the_metrics_count_requests_by_route_and_status(penstock: Penstock, client: OpenAI, question: str) -> None:
    before = samples(penstock, "penstock_http_requests_total")
    client.chat.completions.create(model="sim-small", messages=[{"role": "user", "content": question}])
    for _ in "12":
        with pytest.raises(openai.NotFoundError):
            client.chat.completions.create(model="gpt-x", messages=[{"role": "user", "content": question}])
    with pytest.raises(openai.NotFoundError):
        client.get(f"/{uuid.uuid4().hex}", cast_to=object)

    def grown() -> dict[tuple[str, ...], float]:
        after = samples(penstock, "penstock_http_requests_total")
        return {labels: value - before.get(labels, 0) for labels, value in after.items()}

    until(lambda: grown().get(("/{path}", "404")) == 1, "the last one, under the label of all unknown paths")
    assert grown()[CHAT, "200"] == 1
    assert grown()[CHAT, "404"] == 2


def test_the_metrics_measure_time(penstock: Penstock, client: OpenAI, question: str) -> None:
    def counts() -> tuple[float, float]:
        whole = samples(penstock, "penstock_http_request_duration_seconds_count").get((CHAT,), 0)
        return whole, samples(penstock, "penstock_http_first_token_seconds_count")[()]

    before = counts()
    list(
        client.chat.completions.create(model="sim-small", messages=[{"role": "user", "content": question}], stream=True)
    )
    until(lambda: counts() == (before[0] + 1, before[1] + 1), "one more of each")


def test_the_metrics_show_every_queue(penstock: Penstock) -> None:
    gauges = samples(penstock, "penstock_queue_messages")
    for stage in ("validation", "cache", "routing", "provider-simulator", "cache-fill"):
        for lane in ("interactive", "batch"):
            for state in ("waiting", "in_hand"):
                assert (f"{stage}-{lane}", state) in gauges
    assert ("ledger", "waiting") in gauges
    assert samples(penstock, "penstock_http_requests_in_flight")[()] >= 1


def test_what_panels_and_rules_name_is_exported_and_counts(
    up: Up, penstock: Penstock, client: OpenAI, question: str
) -> None:
    """Each process is scraped as Prometheus does it, after some of everything that a platform does."""
    for _ in "12":
        client.chat.completions.create(model="sim-small", messages=[{"role": "user", "content": question}])
    list(
        client.chat.completions.create(model="sim-large", messages=[{"role": "user", "content": question}], stream=True)
    )
    with pytest.raises(openai.NotFoundError):
        client.chat.completions.create(model="gpt-x", messages=[{"role": "user", "content": question}])
    store = client.vector_stores.create(name="watched").id
    file = client.vector_stores.files.upload_and_poll(vector_store_id=store, file=("a.txt", question.encode()))
    assert file.status == "completed"
    client.vector_stores.search(store, query=question)

    def scraped() -> Scraped | None:
        found = scrape(up.told()["metrics"].values())
        return found if found.samples["penstock_ledger_rows_total"] else None

    found = until(scraped, "a row in the ledger")
    asked = {name for query in (*panel_queries(), *rule_queries()) for name, _ in query.selectors}
    assert families(asked - PROMETHEUS_OWN.keys()) <= found.families
    told = declared()
    for name, labels in told.items():
        assert all(seen.keys() - {"le"} == labels for seen in found.samples[name]), name
    counted = {name for name, seen in found.samples.items() if seen}
    assert {name for name in told if name not in counted} <= RARE, "these have no sample after all this"
    assert any(seen["status"] == "hit" for seen in found.samples["penstock_cache_lookups_total"])
    assert any(seen["code"] == "model_not_found" for seen in found.samples["penstock_prompt_failures_total"])
    assert {"gen_ai_client_operation_duration_seconds", "penstock_stage_duration_seconds"} <= found.with_exemplars


def test_a_request_has_one_line_in_the_log(penstock: Penstock, client: OpenAI, question: str) -> None:
    raw = client.chat.completions.with_raw_response.create(
        model="sim-small", messages=[{"role": "user", "content": question}]
    )
    request_id = raw.headers["x-request-id"]
    lines = until(lambda: [line for line in penstock.log_lines("api") if request_id in line], "its line")
    (line,) = map(json.loads, lines)
    assert line["event"] == "http_request"
    assert (line["method"], line["path"], line["status"]) == ("POST", CHAT, 200)
    assert (line["tenant"], line["key_id"], line["model"]) == ("default", penstock.key.split("_")[1], "sim-small")
    assert (line["cache"], line["deployment"], line["attempts"]) == ("miss", "simulator/sim-small", 1)
    assert line["trace_id"] == raw.headers["traceparent"].split("-")[1]
    assert 0 < line["duration_ms"] < 5000
    assert line["service"] == "api"
    assert line["timestamp"]


def test_all_that_is_logged_is_a_json_object_a_line(penstock: Penstock, client: OpenAI, question: str) -> None:
    for model in ("sim-small", "sim-error-401", "sim-bad-json", "gpt-of-nobody"):
        with_errors = client.chat.completions.with_raw_response
        try:
            with_errors.create(model=model, messages=[{"role": "user", "content": question}])
        except openai.APIStatusError as error:
            assert error.status_code < 503
    for name in ("api", "worker-all"):
        lines = penstock.log_lines(name)
        assert lines
        for line in lines:
            assert {"event", "level", "service", "timestamp"} <= json.loads(line).keys(), line


def test_what_a_library_logs_is_one_too(penstock: Penstock) -> None:
    address = httpx2.URL(penstock.api)
    with socket.create_connection((address.host, address.port or 80), timeout=5) as connection:
        connection.sendall(b"THIS IS NO HTTP\r\n\r\n")
        assert connection.recv(1000).startswith(b"HTTP/1.1 400")
    line = until(lambda: next((line for line in penstock.log_lines("api") if "uvicorn" in line), None), "its line")
    assert json.loads(line)["level"] == "warning"


def test_a_first_line_says_what_runs(penstock: Penstock) -> None:
    lines = [json.loads(line) for line in penstock.log_lines("worker-all")]
    started = next(line for line in lines if line["event"] == "workers_started")
    assert started["workers"] == list(WORKERS)


def test_no_file_of_the_platform_is_open_to_others(up: Up, penstock: Penstock) -> None:
    assert penstock.logs.is_dir()
    for secret in (up.ready_file, up.data / "postgres.password"):
        assert Path(secret).stat().st_mode & 0o077 == 0


def test_a_choice_of_the_router_is_explained_by_the_catalogue_that_is_in_force(penstock: Penstock) -> None:
    done = penstock.run("route", "explain", "Write a C function that sorts numbers.", "--json")
    assert json.loads(done.stdout)["route"] == "auto/code/sim-large", done.stderr


def _problems(penstock: Penstock) -> list[str] | None:
    answer = penstock.get("/readyz")
    time.sleep(0.01)
    return answer.json()["problems"] if answer.status_code == 503 else None
