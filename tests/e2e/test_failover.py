"""A provider that is down, over real HTTP: what answers instead, what it costs, and what callers and operators see."""

import json
import statistics
import time
from collections.abc import Iterator
from pathlib import Path

import openai
import pytest
from openai import OpenAI

from cli.trace.jaeger import Jaeger
from cli.trace.otlp import trace_ids_in, trace_in
from cli.trace.spans import TraceSpan, is_whole
from infra.embedded.datadir import DataDirectory
from infra.telemetry.span_files import frames_with
from tests.e2e.running import Penstock, Up, penstock_of
from tests.e2e.traced_request import assert_one_tree, worst_day
from tests.e2e.waiting import until
from tests.support.homes import home_directory
from tests.support.jaeger import jaeger_binary, running_jaeger
from tests.support.reliability import GOOD, write_reliability_catalog
from tests.support.simulator import Simulator
from workers.provider.breaker import OPEN_FOR, STREAK

BAR = 0.05
"""Seconds that a primary which is down may add to an answer."""


@pytest.fixture(scope="module")
def failing(simulator_process: Simulator) -> Iterator[Penstock]:
    """A platform whose models fail (`tests.support.reliability`)."""
    with home_directory() as home:
        up, file = Up(home), write_reliability_catalog(home / "models.yaml", simulator_process)
        try:
            yield penstock_of(up.start(f"--catalog={file}"), up.data)
        finally:
            up.end()


@pytest.fixture
def penstock(failing: Penstock) -> Penstock:
    """Instead of everyone's."""
    return failing


def ask(client: OpenAI, model: str, question: str) -> dict[str, str]:
    """The headers of an answer."""
    asked = client.chat.completions.with_raw_response.create(
        model=model, messages=[{"role": "user", "content": question}], extra_headers={"cache-control": "no-store"}
    )
    assert asked.parse().choices[0].finish_reason == "stop"
    return dict(asked.headers)


def seconds(client: OpenAI, model: str, question: str) -> float:
    """How long an answer takes."""
    began = time.perf_counter()
    ask(client, model, question)
    return time.perf_counter() - began


def test_a_primary_that_is_down_costs_one_more_call_until_its_breaker_opens_and_then_none(
    client: OpenAI, simulator: Simulator, question: str
) -> None:
    found = [ask(client, "down", question) for _ in range(STREAK + 10)]
    assert {headers["x-penstock-model"] for headers in found} == {"good"}
    assert [headers["x-penstock-attempts"] for headers in found] == ["2"] * STREAK + ["1"] * 10
    assert simulator.stats()["by_model"] == {"sim-error-500@tokens=6": STREAK, GOOD: STREAK + 10}


def test_a_primary_that_is_down_adds_next_to_nothing(client: OpenAI, simulator: Simulator, question: str) -> None:
    """Against the same model without a primary before it, taken in turns; a probe now and then is part of it."""
    for _ in range(STREAK):
        ask(client, "down-too", question)
    taken = [(seconds(client, "down-too", question), seconds(client, "good", question)) for _ in range(25)]
    down, good = (statistics.median(times) for times in zip(*taken, strict=True))
    print(f"a primary that is down adds {(down - good) * 1000:.1f} ms to {good * 1000:.1f} ms")
    assert down - good <= BAR
    assert simulator.stats()["by_model"][GOOD] == STREAK + 50


def test_a_stream_comes_from_the_fallback_where_the_primary_does_not_begin(client: OpenAI, question: str) -> None:
    with client.chat.completions.with_streaming_response.create(
        model="silent", messages=[{"role": "user", "content": question}], stream=True
    ) as response:
        lines = [line for line in response.iter_lines() if line]
    assert response.headers["x-penstock-model"] == "good"
    assert lines[-1] == "data: [DONE]"


def test_a_stream_that_has_begun_is_not_begun_again_elsewhere(
    client: OpenAI, simulator: Simulator, question: str
) -> None:
    said: list[str] = []
    with pytest.raises(openai.APIError, match="cut the stream off"):
        said.extend(
            chunk.choices[0].delta.content or ""
            for chunk in client.chat.completions.create(
                model="cut", messages=[{"role": "user", "content": question}], stream=True
            )
        )
    assert "".join(said)
    assert simulator.stats()["by_model"] == {"sim-cut-stream@tokens=9": 1}


def test_refused_credentials_are_a_502_at_once_and_a_line_for_operators(
    penstock: Penstock, client: OpenAI, simulator: Simulator, question: str
) -> None:
    for _ in range(3):
        with pytest.raises(openai.InternalServerError) as raised:
            ask(client, "refused", question)
        error = raised.value
        assert (error.status_code, error.code) == (502, "provider_error")
        assert "the provider outside refused our credentials" in error.message
        assert "Incorrect API key" not in error.response.text
        assert 1 <= int(error.response.headers["retry-after"]) <= 30
    assert simulator.stats()["by_model"] == {"sim-error-401@tokens=6": 1}

    def told() -> list[dict[str, str]]:
        lines = [json.loads(line) for line in penstock.log_lines("worker-all") if line.startswith("{")]
        return [line for line in lines if line["event"] == "provider_refused_credentials"]

    (line,) = until(told, "the line for operators")
    assert (line["level"], line["deployment"], line["provider"]) == ("error", "refused", "outside")


def test_where_nothing_answers_the_caller_is_told_when_to_try_again(
    client: OpenAI, simulator: Simulator, question: str
) -> None:
    found: list[tuple[int, str | None]] = []
    for _ in range(4):
        with pytest.raises(openai.InternalServerError) as raised:
            ask(client, "sim-error-500@tokens=91", question)
        found.append((raised.value.status_code, raised.value.code))
    assert found == [(502, "provider_error")] * 2 + [(502, "provider_unavailable")] * 2
    assert 1 <= int(raised.value.response.headers["retry-after"]) <= OPEN_FOR
    assert simulator.stats()["calls"] == STREAK


def trace_of(penstock: Penstock, request_id: str) -> list[TraceSpan]:
    """Its spans, once all of them are in the files that the platform keeps."""
    directory = DataDirectory(penstock.logs.parent).spans

    def whole() -> list[TraceSpan] | None:
        found = [trace_in(directory, trace_id) for trace_id in trace_ids_in(directory, request_id)]
        return found[0] if found and is_whole(found[0]) else None

    return until(whole, f"the whole trace of {request_id}")


def test_a_search_a_retry_and_a_failover_are_one_trace(penstock: Penstock, client: OpenAI, question: str) -> None:
    request_id = worst_day(penstock, client, question)
    assert_one_tree(trace_of(penstock, request_id))
    shown = penstock.run("trace", request_id, f"--data-dir={penstock.logs.parent}")
    assert shown.returncode == 0, shown.stderr
    for said in (f"request {request_id}", "retry", "failover", "call.repeated", "answered with status 500", "waited"):
        assert said in shown.stdout
    assert "not whole" not in shown.stdout
    assert question not in shown.stdout


def test_jaeger_shows_the_same_trace(penstock: Penstock, client: OpenAI, question: str, tmp_path: Path) -> None:
    binary = jaeger_binary()
    if binary is None:
        pytest.skip("no Jaeger here: PENSTOCK_TEST_JAEGER names none, and none is on the path")
    request_id = worst_day(penstock, client, question)
    spans = trace_of(penstock, request_id)
    frames = frames_with(DataDirectory(penstock.logs.parent).spans, bytes.fromhex(spans[0].trace_id))
    with running_jaeger(binary, tmp_path) as running:
        for frame in frames:
            running.take(frame)
        jaeger = Jaeger(running.query_url)
        found = until(lambda: jaeger.trace_ids(request_id), "the trace in Jaeger")
        assert found == [spans[0].trace_id]
        assert_one_tree(jaeger.trace(found[0]))
        shown = penstock.run("trace", request_id, f"--jaeger={running.query_url}")
    assert f"trace {found[0]}" in shown.stdout


def test_a_request_that_was_never_made_has_no_trace(penstock: Penstock) -> None:
    done = penstock.run("trace", "nobody", f"--data-dir={penstock.logs.parent}", "--wait=0")
    assert done.returncode != 0
    assert "has no trace of «nobody»" in done.stderr
