"""After an answer: what it says of the entry that was proposed, and a new entry."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from contracts import envelope
from contracts.errors import PenstockError
from contracts.inference import InferenceCompleted
from infra.dispatch.job import Job
from infra.index.transaction import tenant_transaction
from infra.semantic import entries, outcomes
from infra.semantic.entries import Answer, FoundEntry, NewEntry
from infra.semantic.outcomes import Group, Proposed
from infra.telemetry.logs import Logger
from infra.telemetry.metrics import SemanticMetrics
from ingestion.embedding.model import Vectors
from ingestion.embedding.wire import decode_vector
from ingestion.embedding.wordllama import DIMENSION, NAME, WordLlamaModel
from workers.cache.semantic.answers import answer_of, is_same, text_of
from workers.cache.semantic.candidates import NEIGHBOURS
from workers.cache.semantic.lookup import proposed
from workers.cache.semantic.note import ASKED, HIT, Note, decoded
from workers.cache.semantic.rules import Rules
from workers.local_models import LocalModels


@dataclass(frozen=True, slots=True)
class _Asked:
    """A question that its model has answered, and the entries that were near it before."""

    job: Job
    note: Note
    vector: Vectors
    answer: Answer
    found: Sequence[FoundEntry]

    def is_answered_like(self, entry: FoundEntry) -> bool:
        """Whether the entry's answer is the same."""
        return entry.answer is not None and is_same(entry.answer, self.answer, self.note.same_answer)


class Filling:
    """Learns from answers, each once. What fails here is forgotten: it never keeps an answer from its caller."""

    def __init__(  # noqa: PLR0913, PLR0917 - what it is put together from, once a process
        self,
        engine: AsyncEngine,
        rules: Rules,
        models: LocalModels,
        metrics: SemanticMetrics,
        log: Logger,
        life: float,
    ) -> None:
        self._engine = engine
        self._rules = rules
        self._models = models
        self._metrics = metrics
        self._log = log
        self._life = life

    async def take(self, job: Job, answered: InferenceCompleted, *, kept: bool) -> None:
        """`kept`: the exact cache has the answer too. One that was cut or filtered teaches nothing."""
        note = decoded(job.headers.get(envelope.SEMANTIC))
        if note is None:
            return
        try:
            if note.kind == HIT:
                await self._record_hit(job, note)
            elif kept and answered.attempts > 0:
                await self._learn(job, note, answered)
        except PenstockError as error:
            self._log.warning("semantic_cache_not_filled", reason=error.message)

    async def _record_hit(self, job: Job, note: Note) -> None:
        """For feedback: whoever dislikes the answer says that it was wrong."""
        hit = Proposed(job.request_id, note.group, note.entry_id, note.evidence, None, hit=True)
        async with tenant_transaction(self._engine, job.tenant) as connection:
            if await outcomes.record(connection, job.tenant, hit):
                self._metrics.count(note.model, "hit")

    async def _learn(self, job: Job, note: Note, answered: InferenceCompleted) -> None:
        vector = decode_vector(job.headers.get(envelope.EMBEDDING, ""), DIMENSION)
        text = text_of(answered.api, answered.response)
        if vector is None or text is None or envelope.CACHE_KEY not in job.headers:
            return
        model = cast(WordLlamaModel, await self._models.find(NAME))
        answer = answer_of(text, (await model.embed([text]))[0])
        found = await entries.nearest(self._engine, (job.tenant, note.scope), vector, NEIGHBOURS, answers=True)
        others = [entry for entry in found if entry.cache_key != job.headers[envelope.CACHE_KEY]]
        asked = _Asked(job, note, vector, answer, others)
        async with tenant_transaction(self._engine, job.tenant) as connection:
            if len(others) == len(found):
                await self._keep(connection, asked)
            # Last, as the rule's row is held from here on.
            right = await self._judge(connection, asked)
        outcome = "asked" if note.kind == ASKED or right is None else f"verified_{'right' if right else 'wrong'}"
        self._metrics.count(note.model, outcome)

    async def _judge(self, connection: AsyncConnection, asked: _Asked) -> bool | None:
        """Whether what was proposed, or would be now, was right; None for nothing, or what is known already."""
        note, verified = asked.note, asked.note.kind != ASKED
        candidate = None if verified else proposed(asked.found, note.facts)
        entry_id = note.entry_id if verified else candidate.entry_id if candidate else 0
        evidence = note.evidence if verified else candidate.evidence if candidate else ()
        entry = next((each for each in asked.found if each.id == entry_id), None)
        if entry is None:
            return None
        right = asked.is_answered_like(entry)
        outcome = Proposed(asked.job.request_id, note.group, entry_id, evidence, right, hit=verified)
        if not await outcomes.record(connection, asked.job.tenant, outcome):
            return None
        await entries.count(connection, entry_id, right=right)
        group = Group(note.group, note.model, note.target)
        await self._rules.learn_from(connection, asked.job.tenant, group, surprised=verified and not right)
        return right

    async def _keep(self, connection: AsyncConnection, asked: _Asked) -> None:
        """It joins the neighbours with the same answer, and these each other."""
        note, job = asked.note, asked.job
        same = {each.cluster for each in asked.found if asked.is_answered_like(each)}
        cluster = await entries.join(connection, note.scope, sorted(same))
        key = job.headers[envelope.CACHE_KEY]
        entry = NewEntry(job.request_id, note.scope, note.facts, asked.vector, key, asked.answer, self._life)
        await entries.add(connection, job.tenant, entry, cluster)
        await entries.forget(connection, note.scope)
