"""What a tenant can't do with any client: reach past its own account."""

import json

import nats
import nats.errors
import pytest
from nats.js.errors import NoStreamResponseError

from contracts import subjects
from tests.support.accounts import OTHER, OWN, ROOT, Broker, counts, heard, stored
from tests.support.waiting import eventually


@pytest.mark.parametrize(
    "subject",
    [
        f"{ROOT}.requested.interactive.{OTHER}",
        f"{ROOT}.requested.interactive.*",
        f"{ROOT}.validated.interactive.{OWN}",
        f"{ROOT}.completed.interactive.{OWN}.r1",
        f"{ROOT}.completed.interactive.{OTHER}.r1",
        f"penstock.v1.documents.submitted.batch.{OTHER}",
        f"penstock.v1.reindex.requested.{OTHER}.job-1",
        f"penstock.v1.usage.recorded.{OWN}",
        "$KV.penstock-breakers.state.x",
    ],
)
async def test_nothing_is_published_elsewhere(broker: Broker, subject: str) -> None:
    before = await counts(broker)
    with pytest.raises(NoStreamResponseError):
        await broker.own.jetstream().publish(subject, b"{}")
    assert await counts(broker) == before


async def test_nothing_of_anothers_is_heard(broker: Broker) -> None:
    everything, inboxes = await heard(broker.own, ">"), await heard(broker.own, "_INBOX.>")
    await stored(broker, OTHER)
    await broker.other.jetstream().publish(f"{ROOT}.requested.interactive.{OTHER}", b"{}")
    await broker.penstock.publish(subjects.delta(OTHER, "r1"), b"secret")
    own = await stored(broker, OWN)
    await eventually(lambda: bool(everything), what="its own result")
    assert [message.subject for message in everything] == [subjects.completed("interactive", OWN, own)]
    assert not inboxes


@pytest.mark.parametrize(
    "subject", [f"{ROOT}.completed.interactive.{OTHER}.", f"{ROOT}.*.interactive.*.", f"{ROOT}.*.*.{OTHER}."]
)
async def test_nothing_of_anothers_is_read_from_a_stream(broker: Broker, subject: str) -> None:
    request_id = await stored(broker, OTHER)
    js = broker.own.jetstream(timeout=0.5)
    with pytest.raises((nats.errors.TimeoutError, nats.errors.NoRespondersError)):
        await js.get_last_msg("RESULTS", subject + request_id, direct=True)


@pytest.mark.parametrize(
    ("call", "body"),
    [
        ("STREAM.NAMES", {}),
        ("STREAM.INFO.RESULTS", {}),
        ("STREAM.PURGE.RESULTS", {}),
        ("STREAM.DELETE.RESULTS", {}),
        ("STREAM.MSG.GET.RESULTS", {"last_by_subj": f"{ROOT}.*.*.{OTHER}.*"}),
        ("STREAM.MSG.DELETE.RESULTS", {"seq": 1}),
        ("DIRECT.GET.RESULTS", {"seq": 1}),
        (f"DIRECT.GET.RESULTS.{ROOT}.completed.interactive.{OWN}.r1", {"multi_last": [f"{ROOT}.*.*.{OTHER}.*"]}),
        ("CONSUMER.CREATE.RESULTS", {"stream_name": "RESULTS", "config": {"deliver_subject": "mine"}}),
        (
            f"CONSUMER.CREATE.RESULTS.c.{ROOT}.*.*.{OTHER}.*",
            {"stream_name": "RESULTS", "config": {"name": "c", "filter_subject": f"{ROOT}.*.*.{OTHER}.*"}},
        ),
        (
            f"CONSUMER.CREATE.RESULTS.c.{ROOT}.*.*.{OWN}.*",
            {"stream_name": "RESULTS", "config": {"name": "c", "filter_subject": f"{ROOT}.*.*.{OWN}.*"}},
        ),
        ("CONSUMER.MSG.NEXT.INFERENCE_REQUESTED.validation-interactive", {}),
        ("CONSUMER.DELETE.INFERENCE_REQUESTED.validation-interactive", {}),
    ],
)
async def test_the_servers_api_is_closed(broker: Broker, call: str, body: dict[str, object]) -> None:
    await stored(broker, OTHER)
    before = await counts(broker)
    asked = json.dumps(body).encode() if body else b""
    try:
        answer = await broker.own.request(f"$JS.API.{call}", asked, timeout=0.3)
    except (nats.errors.TimeoutError, nats.errors.NoRespondersError):
        said = ""
    else:
        said = (answer.data.decode() or str(answer.headers)).lower()
    assert not said or "not enabled for account" in said or "bad request" in said
    assert await counts(broker) == before


@pytest.mark.parametrize(
    "reply",
    [
        f"{ROOT}.requested.interactive.{OTHER}",
        f"{ROOT}.completed.interactive.{OTHER}.r1",
        f"{ROOT}.result.0f0f0f0f.r1",
        "$JS.API.STREAM.PURGE.RESULTS",
    ],
)
async def test_what_answers_a_tenant_can_not_be_made_to_speak_to_others(broker: Broker, reply: str) -> None:
    """A server sends an ack, or a stored message, wherever a reply subject says: within the tenant's own account."""
    request_id = await stored(broker, OWN)
    to_others, to_penstock = await heard(broker.other, ">"), await heard(broker.penstock, reply)
    before = await counts(broker)
    await broker.own.publish(f"{ROOT}.requested.interactive.{OWN}", b"{}", reply=reply)
    kept = subjects.completed("interactive", OWN, request_id)
    await broker.own.publish(f"$JS.API.DIRECT.GET.RESULTS.{kept}", b"", reply=reply)
    await broker.own.jetstream().publish(f"{ROOT}.requested.interactive.{OWN}", b"{}")
    assert await counts(broker) == {**before, "INFERENCE_REQUESTED": before["INFERENCE_REQUESTED"] + 2}
    assert not to_others
    assert not to_penstock
