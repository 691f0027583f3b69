"""The token stream: each event to the ingress that waits for it, over core NATS, numbered so that a gap is seen."""

from typing import Any

import orjson
from nats.aio.client import Client

from contracts import envelope, subjects
from contracts.inference import OPENAI_CHAT
from infra.dispatch.job import Job
from workers.provider.attempt import Attempt
from workers.provider.said import Send


class DeltaRelay:
    """Sends the events of one request. `sent` counts them over all attempts; after the first there is no way back."""

    def __init__(self, client: Client, job: Job, *, hides_usage: bool) -> None:
        self._client = client
        self._subject = subjects.delta(job.headers[envelope.INGRESS], job.request_id)
        self._hides_usage = hides_usage
        self._route = job.headers.get(envelope.ROUTE, "")
        self.sent = 0

    def sender(self, attempt: Attempt) -> Send:
        """What takes the events of one attempt."""

        async def send(event: dict[str, Any]) -> None:
            await self._send(event, attempt)

        return send

    async def _send(self, event: dict[str, Any], attempt: Attempt) -> None:
        if self._hides_usage and not event["choices"] and event.get("usage"):
            return
        self.sent += 1
        headers = {envelope.SEQUENCE: str(self.sent), envelope.ATTEMPTS: str(attempt.number)}
        if self.sent == 1:
            headers[envelope.DEPLOYMENT] = attempt.deployment.name
            headers[envelope.PROVIDER_MODEL] = attempt.provider_model
            headers[envelope.ROUTE] = self._route
        await self._client.publish(self._subject, orjson.dumps(event), headers=headers)


def relay_for(client: Client, job: Job, request: dict[str, Any]) -> DeltaRelay | None:
    """A relay where a stream was asked for and somebody waits for it, else None.

    A chat's caller gets the chunk that holds only the usage where it asked for it, as `stream_options` says.
    """
    if job.headers.get(envelope.STREAM) != "true" or envelope.INGRESS not in job.headers:
        return None
    wants_usage = bool((request.get("stream_options") or {}).get("include_usage"))
    return DeltaRelay(client, job, hides_usage=job.headers[envelope.API] == OPENAI_CHAT and not wants_usage)
