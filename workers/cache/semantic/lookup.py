"""After an exact miss: the answer to another question that means the same, or what its own answer will teach."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

from sqlalchemy.ext.asyncio import AsyncEngine

from contracts import envelope
from contracts.apis.fields import Json
from contracts.cache import SEMANTIC, CacheStored
from contracts.errors import PenstockError
from infra.catalog import CatalogSource
from infra.dispatch.job import Job
from infra.semantic.entries import FoundEntry, nearest
from infra.semantic.outcomes import Group
from infra.telemetry.logs import Logger
from infra.telemetry.metrics import SemanticMetrics
from ingestion.embedding.wire import decode_vector, encode_vector
from ingestion.embedding.wordllama import DIMENSION, NAME, WordLlamaModel
from workers.cache.semantic.candidates import NEIGHBOURS, Candidate, Neighbour, candidate_of
from workers.cache.semantic.guards import agree, facts_of
from workers.cache.semantic.learning import Rule
from workers.cache.semantic.note import ASKED, HIT, VERIFIED, Note
from workers.cache.semantic.questions import Question, digest, question_of
from workers.cache.semantic.rules import Rules
from workers.cache.store import CacheStore
from workers.local_models import LocalModels


@dataclass(frozen=True, slots=True)
class SemanticHit:
    """The answer to another question; `status` is what the caller is told."""

    entry: CacheStored
    status: str


class LookUp:
    """Finds answers, where a model's catalogue entry asks for that. What fails here is a miss."""

    def __init__(  # noqa: PLR0913, PLR0917 - what it is put together from, once a process
        self,
        engine: AsyncEngine,
        rules: Rules,
        store: CacheStore,
        catalog: CatalogSource,
        models: LocalModels,
        metrics: SemanticMetrics,
        log: Logger,
    ) -> None:
        self._engine = engine
        self._rules = rules
        self._store = store
        self._catalog = catalog
        self._models = models
        self._metrics = metrics
        self._log = log

    async def look_up(self, job: Job, body: Json, named: Sequence[frozenset[str]] = ()) -> SemanticHit | None:
        """None for a miss. A note for the fill, and the question's vector, are in the job's envelope then.

        `named` are the models that tenant and key may use, where the router chooses one.
        """
        asked, catalog = job.headers.get(envelope.MODEL, ""), self._catalog.current
        settings = catalog.cache_of(asked).semantic
        if settings is None or envelope.NO_SEMANTIC in job.headers:
            return None
        question = question_of(body, job.headers, settings, digest(catalog, asked, named))
        if question is None:
            return None
        group = Group(question.group, asked, settings.target)
        facts = facts_of(question.text)
        note = Note(ASKED, question.scope, question.group, facts, asked, settings.target, settings.same_answer)
        rule = await self._rules.of(job.tenant, group)
        try:
            return await self._look_up(job, question, note, rule, settings.verify)
        except PenstockError as error:
            self._metrics.count(asked, "failed")
            self._log.warning("semantic_cache_unreadable", reason=error.message)
            return None

    async def _look_up(self, job: Job, question: Question, note: Note, rule: Rule, verify: float) -> SemanticHit | None:
        vector = decode_vector(job.headers.get(envelope.EMBEDDING, ""), DIMENSION)
        if vector is None:
            model = cast(WordLlamaModel, await self._models.find(NAME))
            vector = (await model.embed([question.text]))[0]
        found: list[FoundEntry] = []
        if rule.threshold is not None:
            found = await nearest(self._engine, (job.tenant, question.scope), vector, NEIGHBOURS)
        candidate = proposed(found, note.facts)
        hit = None
        if candidate is not None and rule.opens(candidate.evidence):
            if is_sampled(job.request_id, rule.share(verify, proven=candidate.is_proven)):
                note = note.proposing(VERIFIED, candidate)
            elif (hit := await self._answer(job.tenant, found, candidate)) is not None:
                note = note.proposing(HIT, candidate)
        job.headers = {**job.headers, envelope.EMBEDDING: encode_vector(vector), envelope.SEMANTIC: note.encoded()}
        return hit

    async def _answer(self, tenant: str, found: Sequence[FoundEntry], candidate: Candidate) -> SemanticHit | None:
        """None where the exact cache has lost or purged it."""
        key = next(entry.cache_key for entry in found if entry.id == candidate.entry_id)
        stored = await self._store.find(tenant, key)
        if not isinstance(stored, CacheStored):
            return None
        return SemanticHit(stored, f"{SEMANTIC}; similarity={candidate.similarity:.4f}")


def proposed(found: Sequence[FoundEntry], facts: str) -> Candidate | None:
    """The entry that may answer a question with these facts."""
    return candidate_of(
        [
            Neighbour(each.id, each.cluster, each.similarity, agree(each.facts, facts), each.right, each.wrong)
            for each in found
        ]
    )


def is_sampled(request_id: str, share: float) -> bool:
    """Whether a request is one of those that are verified: the same whenever it is delivered again."""
    drawn = int.from_bytes(hashlib.sha256(request_id.encode()).digest()[:8], "big") / 2**64
    return drawn < share
