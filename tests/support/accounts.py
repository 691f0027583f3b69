"""What stands behind the tests of accounts: names, and what a client hears and is."""

import json
import uuid
from typing import NamedTuple

from nats.aio.client import Client
from nats.aio.msg import Msg

from contracts import subjects
from infra.nats_auth.tokens import Creds

OWN, OTHER = "team-a", "team-b"
ROOT = "penstock.v1.inference"


class Broker(NamedTuple):
    """A server with Penstock's streams and two tenants' accounts; the tenants' clients, and one of Penstock's."""

    url: str
    own: Client
    other: Client
    penstock: Client


async def stored(broker: Broker, tenant: str) -> str:
    """The request id of a result that is stored."""
    request_id = uuid.uuid4().hex
    body = json.dumps({"request_id": request_id}).encode()
    await broker.penstock.jetstream().publish(subjects.completed("interactive", tenant, request_id), body)
    return request_id


async def heard(client: Client, subject: str) -> list[Msg]:
    """What this client hears on a subject, as it comes."""
    messages: list[Msg] = []

    async def keep(message: Msg) -> None:
        messages.append(message)

    await client.subscribe(subject, cb=keep)
    await settled(client)
    return messages


async def settled(client: Client) -> None:
    """The server has all that was asked of it. The library's first ping overtakes what is still to be written."""
    for _ in range(2):
        await client.flush()


async def counts(broker: Broker) -> dict[str, int]:
    """How many messages each stream holds."""
    return {info.config.name or "": info.state.messages for info in await broker.penstock.jetstream().streams_info()}


def as_user(creds: Creds) -> dict[str, object]:
    """How a stock client connects with credentials that lie in no file."""
    return {"user_jwt_cb": creds.token.encode, "signature_cb": creds.signature}
