"""The books: a row an attempt, equal to what the caller was told and to what the provider counted."""

import asyncio
import json
import uuid
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import openai
import pytest
from openai import OpenAI

from tests.e2e.running import Penstock, cost_of
from tests.e2e.waiting import until


def messages(question: str) -> Any:
    return [{"role": "user", "content": question}]


@pytest.mark.parametrize(
    ("model", "provider", "deployment"),
    [
        ("sim-small", "simulator", "simulator/sim-small"),
        ("sim-large", "simulator", "simulator/sim-large"),
        ("sim-small@cached=3", "simulator", "simulator/sim"),
        ("sim-claude-small", "simulator-anthropic", "simulator-anthropic/sim-claude"),
    ],
)
def test_a_row_says_what_the_answer_said(  # noqa: PLR0917 - fixtures and parameters
    penstock: Penstock, client: OpenAI, question: str, model: str, provider: str, deployment: str
) -> None:
    raw = client.chat.completions.with_raw_response.create(model=model, messages=messages(question))
    usage = raw.parse().usage
    assert usage is not None
    (row,) = penstock.ledger(raw.headers["x-request-id"])
    assert (row["input_tokens"], row["output_tokens"]) == (usage.prompt_tokens, usage.completion_tokens)
    assert usage.prompt_tokens_details is not None
    assert row["cached_input_tokens"] == usage.prompt_tokens_details.cached_tokens
    assert row["cost_usd"] == cost_of(raw.headers["x-penstock-cost-usd"])
    assert (row["status"], row["error_code"], row["attempt"], row["estimated"]) == ("completed", None, 1, False)
    assert (row["model"], row["provider"], row["deployment"]) == (model, provider, deployment)
    assert row["deployment"] == raw.headers["x-penstock-model"]
    assert (row["tenant_id"], row["lane"], row["api"]) == ("default", "interactive", "openai.chat_completions")
    assert row["key_id"] == penstock.key.split("_")[1]
    assert row["trace_id"] == raw.headers["traceparent"].split("-")[1]


def test_each_kind_of_token_has_its_price(penstock: Penstock, client: OpenAI, question: str) -> None:
    raw = client.chat.completions.with_raw_response.create(
        model="sim-small@cached=3", messages=messages(question), reasoning_effort="low"
    )
    (row,) = penstock.ledger(raw.headers["x-request-id"])
    cached, thoughts = row["cached_input_tokens"], row["reasoning_tokens"]
    assert cached == 3
    assert 0 < thoughts < row["output_tokens"]
    read = (row["input_tokens"] - cached) * Decimal("0.15") + cached * Decimal("0.075")
    written = (row["output_tokens"] - thoughts) * Decimal("0.60") + thoughts * Decimal("0.80")
    assert row["cost_usd"] == (read + written) / 1_000_000 == cost_of(raw.headers["x-penstock-cost-usd"])


def test_a_row_says_when_and_how_long(penstock: Penstock, client: OpenAI, question: str) -> None:
    raw = client.chat.completions.with_raw_response.create(
        model="sim-small@latency=100,tps=200", messages=messages(question), stream=True
    )
    assert len(list(raw.parse())) > 10
    (row,) = penstock.ledger(raw.headers["x-request-id"])
    assert row["stream"] is True
    assert 100 <= row["first_token_ms"] < 400
    assert row["first_token_ms"] + 100 < row["latency_ms"] < 2000
    assert abs(datetime.now(UTC) - row["started_at"]) < timedelta(seconds=15)
    assert (row["output_tokens"], row["estimated"]) == (32, False)
    assert row["cost_usd"] > 0


def test_every_attempt_has_its_row_and_its_own_key(penstock: Penstock, client: OpenAI, question: str) -> None:
    raw = client.chat.completions.with_raw_response.create(model="sim-flaky", messages=messages(question))
    request_id = raw.headers["x-request-id"]
    first, second = penstock.ledger(request_id, rows=2)
    assert (first["status"], first["error_code"], first["attempt"]) == ("failed", "provider_error", 1)
    assert (first["input_tokens"], first["output_tokens"], first["cost_usd"]) == (0, 0, Decimal(0))
    assert (second["status"], second["attempt"]) == ("completed", 2)
    assert second["cost_usd"] == cost_of(raw.headers["x-penstock-cost-usd"])
    assert [row["idempotency_key"] for row in (first, second)] == [f"default.{request_id}.{n}" for n in (1, 2)]


def test_a_failed_request_has_a_row_for_each_try(penstock: Penstock, client: OpenAI, question: str) -> None:
    with pytest.raises(openai.InternalServerError) as raised:
        client.chat.completions.create(model="sim-error-500@tokens=61", messages=messages(question))
    rows = penstock.ledger(raised.value.response.headers["x-request-id"], rows=3)
    assert [(row["attempt"], row["status"]) for row in rows] == [(1, "failed"), (2, "failed"), (3, "failed")]


@pytest.mark.parametrize("model", ["sim-cut-stream@after=5", "sim-err-in-stream@after=5"])
def test_a_stream_that_broke_off_costs_what_was_said(
    penstock: Penstock, client: OpenAI, question: str, model: str
) -> None:
    stream = client.chat.completions.create(model=model, messages=messages(question), stream=True)
    heard: list[str] = []
    with pytest.raises(openai.APIError):
        heard.extend(chunk.choices[0].delta.content or "" for chunk in stream)
    (row,) = penstock.ledger(stream.response.headers["x-request-id"])
    assert (row["status"], row["estimated"], row["attempt"]) == ("failed", True, 1)
    assert row["input_tokens"] > 0
    assert 0 < row["output_tokens"] < 20
    assert row["cost_usd"] > 0


def test_a_cache_hit_has_a_row_that_says_what_it_saved(penstock: Penstock, client: OpenAI, question: str) -> None:
    def asked() -> dict[str, str] | None:
        raw = client.chat.completions.with_raw_response.create(
            model="sim-small",
            messages=messages(question),
            extra_headers={"x-penstock-tags": "team=search, feature=faq"},
        )
        headers.append(dict(raw.headers))
        return headers[-1] if raw.headers["x-penstock-cache"] == "hit" else None

    headers: list[dict[str, str]] = []
    hit = until(asked, "a cache hit")
    (first,) = penstock.ledger(headers[0]["x-request-id"])
    (row,) = penstock.ledger(hit["x-request-id"])
    assert (row["status"], row["cache"], row["cost_usd"], row["input_tokens"]) == ("cache_hit", "hit", 0, 0)
    assert row["saved_usd"] == first["cost_usd"] == cost_of(hit["x-penstock-saved-usd"])
    assert row["saved_usd"] > 0
    assert 0 <= row["saved_ms"] < first["latency_ms"]
    assert (first["cache"], first["saved_usd"], first["saved_ms"]) == ("miss", None, None)
    assert row["tags"] == first["tags"] == {"team": "search", "feature": "faq"}
    assert row["route"] == first["route"] == hit["x-penstock-route"]


@pytest.mark.parametrize("tags", ["team", "team=", "1=x", "team=x,team=y", "team==cmd()", "team=" + "x" * 65])
def test_tags_that_are_none_are_refused_by_name(client: OpenAI, question: str, tags: str) -> None:
    with pytest.raises(openai.BadRequestError) as raised:
        client.chat.completions.create(
            model="sim-small", messages=messages(question), extra_headers={"x-penstock-tags": tags}
        )
    assert raised.value.param == "x-penstock-tags"


def test_the_books_and_the_providers_count_are_equal(penstock: Penstock, client: OpenAI, question: str) -> None:
    """Whole and streamed, answered and failed, tried again and broken off: each call has one row, each row a call."""
    penstock.reset_simulator_stats()
    tenant = f"team-{uuid.uuid4().hex[:8]}"
    failing = ("sim-flaky", "sim-error-500", "sim-cut-stream", "sim-error-401")
    # Names of their own: a breaker that another test has opened would spare them the calls.
    models = ("sim-small", "sim-claude-small", *(f"{model}@tokens=62" for model in failing))
    with penstock.client(penstock.create_key(tenant)) as team:
        for number, model in enumerate(models * 2):
            _ask_anyhow(team, model, f"{number} {question}", stream=number >= len(models))
    calls = penstock.simulator_stats()["by_idempotency_key"]
    assert len(calls) >= 2 * len(models)
    assert set(calls.values()) == {1}
    query = "SELECT idempotency_key FROM usage WHERE tenant_id = %s"
    until(lambda: len(penstock.sql(query, tenant)) >= len(calls), f"{len(calls)} rows of {tenant}")
    assert sorted(row["idempotency_key"] for row in penstock.sql(query, tenant)) == sorted(calls)


def test_a_producers_prompt_has_its_row(penstock: Penstock, question: str) -> None:
    request_id = uuid.uuid4().hex
    _publish(penstock, request_id, question)
    (row,) = penstock.ledger(request_id)
    assert (row["tenant_id"], row["lane"], row["key_id"], row["status"]) == ("acme", "batch", None, "completed")


def _publish(penstock: Penstock, request_id: str, question: str) -> None:
    async def publish() -> None:
        producer = await penstock.connect()
        body = {"request_id": request_id, "request": {"model": "sim-small", "messages": messages(question)}}
        subject = "penstock.v1.inference.requested.batch.acme"
        await producer.jetstream().publish(subject, json.dumps(body).encode())
        await producer.close()

    asyncio.run(publish())


def _ask_anyhow(client: OpenAI, model: str, question: str, *, stream: bool) -> None:
    asked: dict[str, Any] = {"model": model, "messages": messages(question), "stream": stream}
    try:
        answer = client.chat.completions.create(**asked)
        for _ in answer if stream else ():
            pass
    except openai.APIError:
        return
