"""Every worker: a message that is no contract is told of, and stands in nobody's way."""

import nats.errors
import pytest
from nats.js.errors import NoStreamResponseError

from tests.integration.conformance.poisons import Poison, Told, poisons
from tests.integration.conformance.rig import Rig
from tests.support.database import Database
from tests.support.pipeline import Pipeline
from tests.support.waiting import eventually
from tests.support.workers import StartWorkers


@pytest.mark.parametrize("poison", [*poisons()], ids=lambda poison: f"{poison.case.name}: {poison.name}")
async def test_a_message_that_is_no_contract_is_told_of_and_stands_in_nobodys_way(
    poison: Poison, pipeline: Pipeline, database: Database, workers: StartWorkers
) -> None:
    rig = Rig(poison.case, pipeline, database, workers)
    await rig.prepare()
    message = poison.message()
    async with rig.running():
        await pipeline.publish(message.subject, message.body, message.headers)
        await rig.exactly_once(await rig.give("good"))
    await rig.close()
    letters = await pipeline.dead_letters()
    assert len(letters) == (Told.OPERATOR in poison.told)
    for letter in letters:
        assert letter.reason
        assert (letter.stage, letter.subject, letter.body) == (poison.case.worker, message.subject, message.body)
        assert letter.headers.items() >= message.headers.items()
    own = await rig.own_terminals("poison")
    assert [stored.subject.split(".")[3] for stored in own] == ["failed"] * (Told.CALLER in poison.told)
    for stored in own:
        assert stored.json()["error"]["message"]


@pytest.mark.parametrize(
    "subject",
    [
        "penstock.v1.inference.requested.acme",
        "penstock.v1.inference.requested.express.acme",
        "penstock.v1.inference.requested.interactive",
        "penstock.v1.inference.requested.interactive.acme.more",
        "penstock.v2.inference.requested.interactive.acme",
    ],
)
async def test_a_subject_that_no_worker_reads_is_refused_and_not_kept_for_ever(
    pipeline: Pipeline, subject: str
) -> None:
    with pytest.raises((NoStreamResponseError, nats.errors.NoRespondersError)):
        await pipeline.publish(subject, b"{}")


async def test_a_worker_that_met_poison_is_ready_for_the_next(
    pipeline: Pipeline, database: Database, workers: StartWorkers
) -> None:
    """All of one worker's poisons at once, and a good message in the middle of them."""
    spoilt = [poison for poison in poisons() if poison.case.name == "ledger"]
    rig = Rig(spoilt[0].case, pipeline, database, workers)
    messages = [poison.message() for poison in spoilt]
    for message in messages[:4]:
        await pipeline.publish(message.subject, message.body, message.headers)
    good = await rig.give()
    for message in messages[4:]:
        await pipeline.publish(message.subject, message.body, message.headers)
    async with rig.running():
        await rig.exactly_once(good)
        letters = await eventually(pipeline.dead_letters)
    assert len(letters) == len(spoilt)
