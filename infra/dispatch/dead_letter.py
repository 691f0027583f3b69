"""Where messages go that a stage gave up on: beside them the reason, and they themselves byte for byte."""

from collections.abc import Mapping

from nats.aio.msg import Msg

from contracts import deadletter, envelope, subjects
from contracts.errors import PenstockError
from infra.broker import Publisher
from infra.dispatch.job import Position
from infra.telemetry.told import told

_NOT_KEPT = (envelope.MSG_ID, envelope.EXPECTED_LAST_SEQUENCE, envelope.EXPECTED_LAST_SEQUENCE_SUBJECT)


def describe(headers: Mapping[str, str], subject: str, position: Position, error: PenstockError) -> dict[str, str]:
    """The headers of a dead letter: the original's, and what is to say about it."""
    kept = {name: value for name, value in headers.items() if name not in _NOT_KEPT}
    return {
        **kept,
        deadletter.REASON: told(error),
        deadletter.ERROR_CODE: error.code,
        deadletter.STAGE: error.stage,
        deadletter.SUBJECT: subject,
        deadletter.STREAM: position.stream,
        deadletter.SEQUENCE: str(position.sequence),
        deadletter.DELIVERIES: str(position.deliveries),
        envelope.MSG_ID: f"deadletter.{position.stream}.{position.sequence}",
    }


async def bury(publisher: Publisher, message: Msg, position: Position, error: PenstockError, stage: str) -> None:
    """Store the dead letter and only then take the original off its queue."""
    headers = describe(message.headers or {}, message.subject, position, error)
    await publisher.publish(subjects.deadletter(stage), message.data, headers)
    await message.term()
