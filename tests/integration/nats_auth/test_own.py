"""What a tenant can do with a stock client: publish at its doors, hear and read what became of it."""

import json

import nats
import nats.errors
import pytest
from nats.aio.msg import Msg
from nats.js.errors import NotFoundError

from contracts import subjects
from infra.nats_auth.nkeys import KeyPair, Kind
from infra.nats_auth.operator import Operator
from tests.support.accounts import OTHER, OWN, ROOT, Broker, as_user, heard, settled, stored
from tests.support.waiting import eventually


async def test_nobody_connects_without_credentials_of_this_operator(broker: Broker) -> None:
    foreign = Operator(KeyPair.new(Kind.OPERATOR)).service_creds()
    for options in ({}, as_user(foreign)):
        with pytest.raises(nats.errors.Error, match="Authorization Violation"):
            await nats.connect(broker.url, allow_reconnect=False, **options)


@pytest.mark.parametrize(
    ("subject", "stream"),
    [
        (f"{ROOT}.requested.interactive.{OWN}", "INFERENCE_REQUESTED"),
        (f"{ROOT}.requested.batch.{OWN}", "INFERENCE_REQUESTED"),
        (f"penstock.v1.documents.submitted.batch.{OWN}", "DOCUMENTS_SUBMITTED"),
        (f"penstock.v1.reindex.requested.{OWN}.job-1", "REINDEX"),
    ],
)
async def test_a_tenant_publishes_at_its_doors(broker: Broker, subject: str, stream: str) -> None:
    assert (await broker.own.jetstream().publish(subject, b"{}", headers={"ce-requestid": "r"})).stream == stream


async def test_a_tenant_hears_its_results_as_they_come_and_reads_them_later(broker: Broker) -> None:
    coming = await broker.own.subscribe(f"{ROOT}.*.interactive.{OWN}.*")
    await settled(broker.own)
    request_id = await stored(broker, OWN)
    message = await coming.next_msg(timeout=5)
    assert (message.subject, json.loads(message.data)) == (
        subjects.completed("interactive", OWN, request_id),
        {"request_id": request_id},
    )
    for event in ("completed", "*"):
        subject = f"{ROOT}.{event}.interactive.{OWN}.{request_id}"
        found = await broker.own.jetstream().get_last_msg("RESULTS", subject, direct=True)
        assert found.subject == message.subject
    with pytest.raises(NotFoundError):
        await broker.own.jetstream().get_last_msg("RESULTS", f"{ROOT}.*.interactive.{OWN}.unknown", direct=True)


async def test_a_tenants_search_is_answered(broker: Broker) -> None:
    async def answer(message: Msg) -> None:
        await message.respond(message.subject.encode())

    await broker.penstock.subscribe(subjects.retrieval_requested("*"), cb=answer)
    await settled(broker.penstock)
    assert (await broker.own.request(subjects.retrieval_requested(OWN), b"{}")).data.decode().endswith(OWN)
    with pytest.raises(nats.errors.NoRespondersError):
        await broker.own.request(subjects.retrieval_requested(OTHER), b"{}")


async def test_a_cancel_arrives_in_its_tenants_name(broker: Broker) -> None:
    arrived = await heard(broker.penstock, f"{ROOT}.cancel.>")
    await broker.own.publish(subjects.cancel_of(OTHER, "r1"), b"")
    await broker.own.publish(subjects.cancel("r1"), b"")
    await eventually(lambda: bool(arrived), what="no cancel")
    assert [message.subject for message in arrived] == [subjects.cancel_of(OWN, "r1")]
