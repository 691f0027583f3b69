"""A request for `auto`, from its message to a decision: what is known of it is read, embedded and classified."""

from collections.abc import Mapping
from datetime import UTC, datetime

import orjson

from contracts import envelope
from contracts.errors import ErrorCode, PenstockError
from contracts.inference import OPENAI_EMBEDDINGS
from contracts.tags import tags_of
from infra.access.policy import Policy as Access
from infra.catalog import Alias, Catalog
from infra.catalog.conditions import Value
from infra.dispatch.job import Job
from infra.prices import PriceBook, load_prices
from ingestion.embedding.wire import decode_vector
from ingestion.embedding.wordllama import DIMENSION
from workers.routing.classifier import Classifier, Verdict
from workers.routing.decision import Decision, Limits, decide, draw_of
from workers.routing.facts import Facts, facts_of
from workers.routing.features import Values, features_of
from workers.routing.signals import HeardSignals
from workers.routing.table import Table
from workers.routing.training import Training

STAGE = "routing"
_FRESH = 60.0
"""Seconds after which prices are looked up anew: they change at a moment that the catalogue names."""


class Auto:
    """Decides for one process."""

    def __init__(self, training: Training, signals: HeardSignals, book: PriceBook | None = None) -> None:
        self._training = training
        self._signals = signals
        self._book = book or PriceBook()
        self._table: Table | None = None
        self._made_at = 0.0

    async def warm(self, catalog: Catalog) -> None:
        """Train before anybody waits for it."""
        await self._training.classifier(catalog.router)
        await self.table(catalog)

    async def decide(self, job: Job, alias: Alias, catalog: Catalog, access: Access, *, local: bool) -> Decision:
        """Which models may answer. Raises `PenstockError` for a request that asks for vectors."""
        api = job.headers[envelope.API]
        if api == OPENAI_EMBEDDINGS:
            message = f"«{alias.name}» chooses among models that write: an embedding needs one by its own name"
            raise PenstockError(ErrorCode.MODEL_NOT_FOUND, message, stage=STAGE, param="model")
        facts = facts_of(api, orjson.loads(job.body)["request"], told_by(job, alias.name))
        table, classifier = await self.table(catalog), await self._training.classifier(catalog.router)
        vector = decode_vector(job.headers.get(envelope.EMBEDDING, ""), DIMENSION)
        model = await self._training.model()
        if vector is None:
            (vector,) = await model.embed([facts.text])
        before = (await model.embed([facts.before]))[0] if facts.before else None
        if alias.policy == "latency":
            self._signals.watch_calls()
        return decide(
            alias,
            facts,
            Limits(local, access.allows_model, access.budgeted),
            table,
            classify=lambda: verdict_of(classifier, vector, facts, before),
            signals=self._signals,
            draw=draw_of(job.request_id),
            difficulty=lambda: self._training.difficulty(job.tenant, vector, facts.features),
        )

    async def table(self, catalog: Catalog) -> Table:
        """What is known of the catalogue's models, at prices of a minute ago at most."""
        now = datetime.now(UTC)
        table = self._table
        if table is None or table.catalog is not catalog or now.timestamp() - self._made_at > _FRESH:
            await load_prices(catalog)
            table = self._table = Table(catalog, self._book, now)
            self._made_at = now.timestamp()
        return table


def verdict_of(classifier: Classifier, vector: Values, facts: Facts, before: Values | None) -> Verdict:
    """The class of the newest text; of one that says too little, that of the text before it: it goes on from there."""
    found = classifier.classify(vector, facts.features)
    if before is None or found.confidence >= classifier.threshold:
        return found
    earlier = classifier.classify(before, features_of(facts.before))
    return earlier if earlier.confidence >= classifier.threshold else found


def told_by(job: Job, asked: str) -> Mapping[str, Value | None]:
    """What the envelope tells rules."""
    tags = tags_of(job.headers) or {}
    return {
        "tenant": job.tenant,
        "lane": job.lane.value,
        "api": job.headers[envelope.API],
        "model": asked,
        "stream": job.headers.get(envelope.STREAM) == "true",
        **{f"tag.{name}": value for name, value in tags.items()},
    }
