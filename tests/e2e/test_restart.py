"""The life of `penstock up`: Ctrl-C answers who waits and leaves nothing behind; the next start knows it all."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx2
import psutil
import pytest
from openai import OpenAI
from openai.types.chat import ChatCompletion

from tests.e2e.otlp_sink import OtlpSink, otlp_sink
from tests.e2e.running import Penstock, Up, penstock_of
from tests.e2e.waiting import until
from tests.support.homes import home_directory


@pytest.fixture
def last_spans() -> Iterator[OtlpSink]:
    """Where spans go that are only sent when a process ends."""
    with otlp_sink() as sink:
        yield sink


@pytest.fixture
def own_up(last_spans: OtlpSink) -> Iterator[Up]:
    """One of our own: the others' goes on."""
    with home_directory() as home:
        exported = {"OTEL_EXPORTER_OTLP_ENDPOINT": last_spans.url, "OTEL_BSP_SCHEDULE_DELAY": "600000"}
        started = Up(home, from_nothing=True, **exported)
        try:
            yield started
        finally:
            started.end()


def ask(client: OpenAI, question: str, model: str = "sim-small") -> tuple[str, ChatCompletion, str]:
    """What the cache had to do with it, the answer, and the trace's id."""
    raw = client.chat.completions.with_raw_response.create(
        model=model, messages=[{"role": "user", "content": question}]
    )
    answer = raw.parse()
    assert isinstance(answer, ChatCompletion)
    return raw.headers["x-penstock-cache"], answer, raw.headers["traceparent"].split("-")[1]


def test_a_second_start_knows_the_key_the_answers_and_the_books(
    own_up: Up, last_spans: OtlpSink, question: str
) -> None:
    first = penstock_of(own_up.start(), own_up.data)
    slow = "sim-small@latency=1000"
    with first.client() as client, ThreadPoolExecutor(1) as thread:
        until(lambda: ask(client, question)[0] == "hit", "a cache hit")
        _, answer, _ = ask(client, question)
        waiting = thread.submit(ask, client, f"{question} Slowly?", slow)
        until(lambda: first.simulator_stats()["in_flight"], "the provider's call")
        assert _stops(own_up, first) == 0
        _, in_time, trace_id = waiting.result()
    assert in_time.choices[0].finish_reason == "stop", "who waits is answered"
    last_spans.wait_for(trace_id, lambda trace: trace.has("POST /v1/chat/completions", f"chat {slow}"), within=0)

    own_up.from_nothing = False
    told = own_up.start()
    assert told["api_key"] is None, "the first key is shown once"
    second = penstock_of(told, own_up.data, first.key)
    with second.client() as client:
        cache, again, _ = ask(client, question)
        assert (cache, again) == ("hit", answer)
        assert ask(client, f"{question} And a new one?")[0] == "miss"
    (last,) = second.sql("SELECT status FROM usage WHERE model = %s", slow)
    assert last["status"] == "completed", "what was used until the stop is in the books"
    assert _stops(own_up, second) == 0


def _stops(up: Up, penstock: Penstock) -> int:
    """Ctrl-C; nothing of it is left."""
    before: dict[str, Any] = up.told()["pids"]
    code = up.stop()
    assert up.output.read_text().endswith("Stopped.\n")
    assert not up.ready_file.exists()
    assert [name for name, pid in before.items() if psutil.pid_exists(pid)] == []
    with pytest.raises(httpx2.ConnectError):
        penstock.get("/healthz")
    return code
