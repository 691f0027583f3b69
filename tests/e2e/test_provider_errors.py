"""What goes wrong behind the gateway: told by status and code, with when to try again, without internals."""

import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import openai
import pytest
from openai import OpenAI

from tests.e2e.running import Penstock, Up
from tests.e2e.waiting import until
from tests.support.waiting import eventually

SHORT = {"x-penstock-timeout": "0.5"}


@pytest.fixture(autouse=True)
def _it_still_answers(client: OpenAI, question: str) -> Iterator[None]:
    yield
    assert client.chat.completions.create(model="sim-small", messages=[{"role": "user", "content": f"{question}?"}])


def fails(client: OpenAI, model: str, question: str, *, stream: bool, **headers: str) -> openai.APIStatusError:
    """The error that a request ends with, before its first token."""
    asked: dict[str, Any] = {"model": model, "messages": [{"role": "user", "content": question}], "stream": stream}
    with pytest.raises(openai.APIStatusError) as raised:
        client.chat.completions.create(**asked, extra_headers=headers)
    return raised.value


def alone(model: str, test: int) -> str:
    """The same fault under a name that only one test calls: a breaker that another one has opened is not its own."""
    return f"{model}@tokens={70 + test}"


both = pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])


@both
def test_a_deadline_that_passes_is_a_408(penstock: Penstock, client: OpenAI, question: str, stream: bool) -> None:
    penstock.reset_simulator_stats()
    began = time.monotonic()
    error = fails(client, "sim-slow", question, stream=stream, **{"x-penstock-timeout": "0.3"})
    assert time.monotonic() - began < 5
    assert (error.status_code, error.code, error.param) == (408, "deadline_exceeded", None)
    assert error.type == "timeout_error"
    until(lambda: penstock.simulator_stats()["cancelled"] == 1, "the end of the provider's work")


@both
def test_a_providers_rate_limit_is_a_429_that_says_when(client: OpenAI, question: str, stream: bool) -> None:
    error = fails(client, "sim-error-429", question, stream=stream, **SHORT)
    assert isinstance(error, openai.RateLimitError)
    assert (error.code, error.param, error.type) == ("rate_limit_exceeded", None, "rate_limit_error")
    assert error.response.headers["retry-after"] == "1"


@both
@pytest.mark.parametrize("model", ["sim-error-500", "sim-error-401", "sim-claude-error-500", "sim-claude-error-401"])
def test_a_providers_failure_is_a_502(client: OpenAI, question: str, model: str, stream: bool) -> None:
    error = fails(client, alone(model, 1), question, stream=stream)
    assert isinstance(error, openai.InternalServerError)
    assert (error.status_code, error.code, error.param) == (502, "provider_error", None)
    assert error.response.headers["retry-after"].isdigit()


@pytest.mark.parametrize("model", ["sim-bad-json", "sim-cut-stream", "sim-err-in-stream", "sim-claude-bad-json"])
def test_an_answer_that_cannot_be_used_is_a_502(client: OpenAI, question: str, model: str) -> None:
    error = fails(client, alone(model, 2), question, stream=False)
    assert error.status_code == 502
    assert error.code in ("provider_error", "provider_unavailable")
    assert error.response.headers["retry-after"].isdigit()


@pytest.mark.parametrize("model", ["sim-error-401", "sim-error-500", "sim-bad-json"])
def test_a_providers_internals_stay_inside(penstock: Penstock, client: OpenAI, question: str, model: str) -> None:
    answer = fails(client, alone(model, 3), question, stream=False).response.text
    for internal in ("Incorrect API key", "Sorry about that", "Traceback", "Error(", penstock.simulator, "Expecting"):
        assert internal not in answer


@both
def test_what_a_provider_says_of_the_request_reaches_the_caller(client: OpenAI, question: str, stream: bool) -> None:
    error = fails(client, "sim-error-400", question, stream=stream)
    assert isinstance(error, openai.BadRequestError)
    assert error.param == "temperature"
    assert "does not support this value" in error.message


def test_a_failure_that_passes_is_not_seen(client: OpenAI, question: str) -> None:
    raw = client.chat.completions.with_raw_response.create(
        model="sim-flaky", messages=[{"role": "user", "content": question}]
    )
    assert raw.headers["x-penstock-attempts"] == "2"
    assert raw.parse().choices[0].finish_reason == "stop"


async def test_a_broker_that_is_away_is_a_503_and_nothing_is_bought(
    up: Up, penstock: Penstock, client: OpenAI, question: str
) -> None:
    """The message is still on its way to the broker when the caller is told to try again."""
    penstock.reset_simulator_stats()
    with _stopped(up.pid("nats")):
        error = fails(client, "sim-small", question, stream=False)
    assert (error.status_code, error.code, error.type) == (503, "pipeline_unavailable", "server_error")
    assert error.response.headers["retry-after"].isdigit()
    request_id = error.response.headers["x-request-id"]
    await eventually(lambda: penstock.terminals("default", request_id), what="the terminal message")
    assert await penstock.terminals("default", request_id) == {"failed": 1}
    assert penstock.simulator_stats()["calls"] == 0


@contextmanager
def _stopped(pid: int) -> Iterator[None]:
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)
