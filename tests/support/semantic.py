"""Requests and answers as the semantic cache's look-up and fill see them, without a broker."""

import itertools
from types import SimpleNamespace
from typing import Any, cast

from prometheus_client import CollectorRegistry
from sqlalchemy.ext.asyncio import AsyncEngine

from contracts import envelope
from contracts.apis.fields import Json
from contracts.cache import CacheStored
from contracts.inference import OPENAI_CHAT, InferenceCompleted, TokenUsage
from contracts.subjects import Lane
from infra.catalog import Catalog, CatalogSource
from infra.dispatch.job import Job, Position
from infra.telemetry.metrics import SemanticMetrics
from infra.telemetry.tracing import Span
from tests.support.logs import RecordedLog
from workers.cache.key import cache_key
from workers.cache.semantic.filling import Filling
from workers.cache.semantic.lookup import LookUp, SemanticHit
from workers.cache.semantic.rules import Rules
from workers.cache.store import CacheStore
from workers.local_models import LocalModels

MODEL = "m"
_numbers = itertools.count(1)


def catalog(provider_model: str = "m-1") -> Catalog:
    """One model whose semantic cache is on, and that of `auto`."""
    deployment = {"name": "p/m", "provider": "p", "model": provider_model}
    cache = {"semantic": {"target": 0.01, "verify": 0.05}}
    return Catalog.model_validate(
        {
            "providers": [{"name": "p", "kind": "openai", "base_url": "http://127.0.0.1:1/v1"}],
            "models": [{"name": MODEL, "deployments": [deployment], "cache": cache}],
            "router": {"cache": cache},
        }
    )


class Answers:
    """The exact cache, in memory."""

    def __init__(self) -> None:
        self.kept: dict[tuple[str, str], CacheStored] = {}

    async def find(self, tenant: str, key: str) -> CacheStored | None:
        """The entry, or None."""
        return self.kept.get((tenant, key))


class SemanticHalf:
    """The semantic half of a cache worker on a database."""

    def __init__(self, engine: AsyncEngine) -> None:
        self.answers, self.log = Answers(), RecordedLog()
        self.catalog = CatalogSource(catalog())
        metrics, models, log = SemanticMetrics(CollectorRegistry()), LocalModels(), self.log.logger
        self.rules = Rules(engine, metrics, log)
        store = cast(CacheStore, self.answers)
        self.look_up = LookUp(engine, self.rules, store, self.catalog, models, metrics, log)
        self.filling = Filling(engine, self.rules, models, metrics, log, 60.0)

    async def ask(self, tenant: str, text: str, **fields: Any) -> tuple[Job, SemanticHit | None]:
        """Look up; the job has the note for the fill. `request_id`, `system` and `named`, the models that its key may
        use, are taken out of the fields.
        """
        named = fields.pop("named", ())
        request_id = fields.pop("request_id", None) or f"r{next(_numbers)}"
        system = [{"role": "system", "content": fields.pop("system")}] if "system" in fields else []
        body: Json = {"request": {"model": MODEL, "messages": [*system, {"role": "user", "content": text}], **fields}}
        headers = {
            envelope.API: OPENAI_CHAT,
            envelope.MODEL: body["request"]["model"],
            envelope.CACHE_KEY: cache_key(OPENAI_CHAT, body["request"]),
        }
        span = cast(Span, SimpleNamespace(attributes={}))
        job = Job("", Lane.INTERACTIVE, tenant, request_id, headers, b"", None, Position("S", "c", 1, 1, 0.0), span)
        return job, await self.look_up.look_up(job, body, named)

    async def answer(self, job: Job, text: str, *, whole: bool = True) -> None:
        """The model has answered: the exact cache keeps it, the semantic one learns of it."""
        choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
        fields = {"model": MODEL, "response": {"choices": [choice]}}
        answered = InferenceCompleted(
            request_id=job.request_id, api=OPENAI_CHAT, cache="miss", attempts=1, usage=TokenUsage(), **fields
        )
        if whole:
            kept = CacheStored(usage=TokenUsage(), **fields)
            self.answers.kept[job.tenant, job.headers[envelope.CACHE_KEY]] = kept
        await self.filling.take(job, answered, kept=whole)

    async def ask_and_answer(self, tenant: str, text: str, answer: str, **fields: Any) -> None:
        """A question that its model answers."""
        job, hit = await self.ask(tenant, text, **fields)
        assert hit is None
        await self.answer(job, answer)
