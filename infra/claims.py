"""Claim checks: a body that is too large for a message lies in JetStream's object store, and the message names it.

An object belongs to one message, by its id, and begins with its tenant: nobody can claim another tenant's. It is
deleted once its message is settled; what is left over, as of a dead letter, goes by age.
"""

import asyncio
import io
from collections.abc import Awaitable, Callable
from dataclasses import replace
from functools import partial

import nats.errors
from nats.js import JetStreamContext
from nats.js.errors import NotFoundError
from nats.js.object_store import ObjectStore

from contracts import envelope
from contracts.errors import ContractError, ErrorCode, PenstockError
from infra.dispatch.job import Job
from infra.dispatch.outcome import Publication
from infra.streams import CLAIMS

LARGEST_BODY = 512 * 1024
"""In bytes. A stream is one queue of writes, and one large message holds up all behind it."""

_PATIENCE = 60.0


class Claims:
    """The object store of large bodies, as a stage uses it. Every method raises `PenstockError`:
    `pipeline_unavailable`, retryable, where the broker can't be reached or has no room.
    """

    def __init__(self, js: JetStreamContext, stage: str = "claims") -> None:
        self._stage = stage
        self._objects = ObjectStore(CLAIMS, f"OBJ_{CLAIMS}", js)

    async def checked_in(self, publication: Publication) -> Publication:
        """The same where its body is small; else one without a body, that names where it is.

        The object is named as the message is, so that a repeated one takes the place of the first.
        """
        if len(publication.body) <= LARGEST_BODY:
            return publication
        await self._told_as_ours(self._objects.put(publication.key, publication.body))
        return replace(publication, body=b"", headers={**publication.headers, envelope.CLAIM: publication.key})

    async def body_of(self, job: Job) -> bytes:
        """The body of a message, wherever it is.

        Raises `ContractError` for a claim of another tenant's, and for one whose object is no more.
        """
        name = job.headers.get(envelope.CLAIM)
        if name is None:
            return job.body
        if not name.startswith(f"{job.tenant}."):
            raise ContractError("the claim check is another tenant's", stage=self._stage, param=envelope.CLAIM)
        body = io.BytesIO()
        try:
            await self._told_as_ours(self._objects.get(name, body))
        except NotFoundError:
            message = "the message's body is no longer in the object store"
            raise ContractError(message, stage=self._stage, param=envelope.CLAIM) from None
        return body.getvalue()

    def settled(self, job: Job) -> Callable[[], Awaitable[None]] | None:
        """For `Outcome.settled`: delete the object of a message that had one."""
        name = job.headers.get(envelope.CLAIM)
        return None if name is None else partial(self._delete, name)

    async def _delete(self, name: str) -> None:
        try:
            await self._told_as_ours(self._objects.delete(name))
        except NotFoundError:
            return

    async def _told_as_ours(self, work: Awaitable[object]) -> None:
        try:
            async with asyncio.timeout(_PATIENCE):
                await work
        except NotFoundError:
            raise
        except (nats.errors.Error, OSError, TimeoutError) as error:
            message = "large messages can't be stored or read: try again in a moment"
            code = ErrorCode.PIPELINE_UNAVAILABLE
            raise PenstockError(code, message, stage=self._stage, retryable=True) from error
