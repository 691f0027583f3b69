"""The token stream: each chunk to the ingress that waits for it, over core NATS, numbered so that a gap is seen."""

from typing import Any

import orjson
from nats.aio.client import Client

from contracts import envelope, subjects
from infra.dispatch.job import Job
from workers.provider.attempt import Attempt
from workers.provider.said import Send


class DeltaRelay:
    """Sends the chunks of one request. `sent` counts them over all attempts; after the first there is no way back."""

    def __init__(self, client: Client, job: Job, *, wants_usage: bool) -> None:
        self._client = client
        self._subject = subjects.delta(job.headers[envelope.INGRESS], job.request_id)
        self._wants_usage = wants_usage
        self._route = job.headers.get(envelope.ROUTE, "")
        self.sent = 0

    def sender(self, attempt: Attempt) -> Send:
        """What takes the events of one attempt."""

        async def send(chunk: dict[str, Any]) -> None:
            await self._send(chunk, attempt)

        return send

    async def _send(self, chunk: dict[str, Any], attempt: Attempt) -> None:
        """Send one chunk; one that holds only the usage goes no further where the caller didn't ask for it."""
        if not chunk["choices"] and chunk.get("usage") and not self._wants_usage:
            return
        self.sent += 1
        headers = {envelope.SEQUENCE: str(self.sent), envelope.ATTEMPTS: str(attempt.number)}
        if self.sent == 1:
            headers[envelope.DEPLOYMENT] = attempt.deployment.name
            headers[envelope.PROVIDER_MODEL] = attempt.provider_model
            headers[envelope.ROUTE] = self._route
        await self._client.publish(self._subject, orjson.dumps(chunk), headers=headers)


def relay_for(client: Client, job: Job, request: dict[str, Any]) -> DeltaRelay | None:
    """A relay where a stream was asked for and somebody waits for it, else None."""
    if job.headers.get(envelope.STREAM) != "true" or envelope.INGRESS not in job.headers:
        return None
    wants_usage = bool((request.get("stream_options") or {}).get("include_usage"))
    return DeltaRelay(client, job, wants_usage=wants_usage)
