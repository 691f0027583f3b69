"""No prompt, key or personal text is in a log, a span, a metric or the reason of a dead letter, at any log level."""

import json
import uuid
from typing import Any

import httpx2
import openai
import pytest
from nats.js.errors import NotFoundError
from openai import OpenAI

from tests.e2e.otlp_sink import OtlpSink, Trace
from tests.e2e.running import Penstock
from tests.e2e.waiting import until
from tests.support.waiting import eventually

PLANTED = uuid.uuid4().hex
"""Part of all that is planted: one text to look for."""
SECRETS = (f"sk-proj-{PLANTED}", f"psk_0000000000000000_{PLANTED}", f"{PLANTED}@example.com")


def ask(client: OpenAI, model: str, text: str, **more: Any) -> None:
    """Whatever comes of it."""
    try:
        asked: dict[str, Any] = {"model": model, "messages": [{"role": "user", "content": text}], **more}
        answer = client.chat.completions.create(**asked, extra_headers={"x-penstock-timeout": "5"})
        for _ in answer if more.get("stream") else ():
            pass
    except openai.APIError:
        return


def prompts(client: OpenAI) -> None:
    """Answered, refused by each of those that can refuse, and failed."""
    for model in (
        "sim-small",
        "sim-error-400",
        "sim-error-401",
        "sim-error-500",
        "sim-cut-stream",
        "gpt-of-nobody",
    ):
        for stream in (False, True):
            ask(client, model, f"{' '.join(SECRETS)} {uuid.uuid4().hex}", stream=stream)
    ask(client, "sim-small", PLANTED, tools=PLANTED)
    ask(client, "sim-small", PLANTED, temperature=PLANTED)
    ask(client, "sim-small", PLANTED, user=PLANTED, metadata={"who": PLANTED})


def keys(penstock: Penstock) -> None:
    """Wrong keys in each header that has one, and text where no key is."""
    url = f"{penstock.api}/v1/messages"
    for headers in ({"Authorization": f"Bearer {SECRETS[1]}"}, {"x-api-key": SECRETS[0]}, {"Authorization": PLANTED}):
        with_version = headers | {"anthropic-version": "2023-06-01"}
        assert httpx2.post(url, headers=with_version, json={}, timeout=10, verify=False).status_code == 401
    headers = {"Authorization": f"Bearer {penstock.key}", "x-penstock-tags": f"=={PLANTED}", "traceparent": PLANTED}
    httpx2.post(f"{penstock.base_url}/chat/completions", headers=headers, content=PLANTED, timeout=10, verify=False)


def documents(client: OpenAI) -> None:
    """One that becomes searchable and one that can't be read; then a search for it."""
    store = client.vector_stores.create(name=f"store {PLANTED}").id
    for name, content in ((f"{PLANTED}.md", f"# {PLANTED}\n{SECRETS[2]}"), (f"{PLANTED}.pdf", f"%PDF-1.7 {PLANTED}")):
        file = client.files.create(file=(name, content.encode()), purpose="assistants")
        client.vector_stores.files.create(store, file_id=file.id, attributes={"owner": PLANTED})
    until(lambda: not client.vector_stores.retrieve(store).file_counts.in_progress, "the documents' ends", 60)
    client.vector_stores.search(store, query=PLANTED)


async def dead_letter(penstock: Penstock) -> dict[str, str]:
    """The headers of one whose body has it."""
    nats = await penstock.connect()
    body = json.dumps({"request_id": f"not {PLANTED}", "request": {"x": PLANTED}}).encode()
    sent = await nats.jetstream().publish("penstock.v1.inference.requested.interactive.acme", body)
    subject = "penstock.v1.deadletter.validation"

    async def found() -> dict[str, str] | None:
        try:
            letter = await nats.jetstream().get_last_msg("DEADLETTER", subject)
        except NotFoundError:
            return None
        headers = letter.headers or {}
        return headers if headers["penstock-sequence"] == str(sent.seq) else None

    headers = await eventually(found, what="the dead letter")
    await nats.close()
    return headers


async def test_what_is_planted_is_nowhere(penstock: Penstock, client: OpenAI, spans: OtlpSink) -> None:
    prompts(client)
    keys(penstock)
    documents(client)
    letter = await dead_letter(penstock)
    with pytest.raises(openai.BadRequestError) as echoed:
        client.chat.completions.create(
            model="sim-small",
            messages=[{"role": "user", "content": "Hello"}],
            response_format={"type": PLANTED},  # type: ignore[arg-type, misc, call-overload]
        )
    assert PLANTED in echoed.value.message, "the caller reads the provider's own words, so the provider quoted it"
    traceparent = echoed.value.response.headers["traceparent"]
    spans.wait_for(traceparent.split("-")[1], Trace.is_whole)

    assert PLANTED not in letter["penstock-reason"]
    assert PLANTED not in penstock.get("/metrics").text
    for log in penstock.logs.iterdir():
        assert PLANTED not in log.read_text(), f"{log.name} has what was planted"
    assert not spans.mentions(PLANTED)


def test_each_line_about_a_request_names_its_trace_request_tenant_and_stage(penstock: Penstock, client: OpenAI) -> None:
    raw = client.chat.completions.with_raw_response.create(
        model="sim-small", messages=[{"role": "user", "content": "?"}]
    )
    request_id = raw.headers["x-request-id"]

    def lines() -> list[dict[str, Any]]:
        written = (penstock.logs / "api.log").read_text().splitlines()
        return [json.loads(line) for line in written if request_id in line]

    (line,) = until(lines, "the request's line")
    assert line["trace_id"] == raw.headers["traceparent"].split("-")[1]
    assert (line["request_id"], line["tenant"], line["stage"]) == (request_id, "default", "api")
    assert (line["event"], line["status"], line["model"]) == ("http_request", 200, "sim-small")
