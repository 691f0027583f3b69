"""Documents for a prompt: looked up in the stores that it names, the best of them within a budget of tokens."""

import asyncio
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import orjson

from contracts import envelope, subjects
from contracts.apis.fields import Json
from contracts.apis.grounding.search import FileSearch, StoreNamed, file_searches, queries_of
from contracts.errors import ErrorCode, PenstockError
from contracts.inference import Ground
from contracts.retrieval import RetrievalAnswered, RetrievalRequested
from infra.catalog import CatalogSource, Model
from infra.dispatch.job import Job
from infra.dispatch.outcome import Outcome, forwarded
from infra.telemetry import names
from infra.telemetry.tracing import TraceContext

LOCAL = "local"

_BYTES_PER_TOKEN = 3
"""Fewer than any prose has: cl100k takes 3.7 of English and of Python, 3.0 of Chinese, Japanese and Russian."""
_SHARE_OF_WINDOW = 2
"""One part in so many of what a model can read is left to documents at most."""


class Searches(Protocol):
    """Whoever searches one store."""

    async def search(
        self, tenant: str, request: RetrievalRequested, parent: TraceContext | None = None
    ) -> RetrievalAnswered:
        """What was found, or in `error` why nothing could be."""
        ...


@dataclass(frozen=True, slots=True)
class LookedUp:
    """What was found for a prompt, the best first. `confidential`: no model outside may be shown it.

    `versions` are the index versions that were searched, as `store@version`.
    """

    grounds: tuple[Ground, ...]
    versions: tuple[str, ...] = ()
    confidential: bool = False

    @property
    def stores(self) -> int:
        """How many were searched."""
        return len(self.versions)

    @property
    def tokens(self) -> int:
        """At most so many."""
        return sum(map(tokens_of, self.grounds))


class Grounder:
    """Handles prompts that documents are to be looked up for; the most of these is `most` tokens a prompt."""

    def __init__(self, searches: Searches, catalog: CatalogSource, most: int) -> None:
        self._searches = searches
        self._catalog = catalog
        self._most = most

    async def handle(self, job: Job) -> Outcome:
        """Pass the prompt on with what was found for it. Raises `PenstockError`."""
        body, api = orjson.loads(job.body), job.headers[envelope.API]
        budget = budget_for(self._catalog.current.resolve(job.headers.get(envelope.MODEL, "")), self._most)
        found = await look_up(self._searches, job.tenant, api, body["request"], budget, job.span.context)
        job.span.attributes[names.GROUNDING_STORES] = found.stores
        job.span.attributes[names.RETRIEVAL_HITS] = len(found.grounds)
        job.span.attributes[names.GROUNDING_TOKENS] = found.tokens
        body["grounds"] = [ground.model_dump(exclude_none=True) for ground in found.grounds]
        # Another version is another question, even where it has the same to say.
        headers = {envelope.INDEX: ",".join(found.versions)} if found.versions else {}
        if found.confidential:
            # A hard constraint, whatever the caller asked for: no fallback leads out of the house either.
            body["residency"] = LOCAL
            headers |= {envelope.RESIDENCY: LOCAL, envelope.CONFIDENTIAL: "true"}
            job.span.attributes[names.RESIDENCY] = LOCAL
        job.body = orjson.dumps(body)
        return forwarded(job, "inference.validated", subjects.validated(job.lane, job.tenant), headers)


async def look_up(  # noqa: PLR0913, PLR0917 - whose prompt it is, and how much may be found for it
    searches: Searches, tenant: str, api: str, request: Json, budget: int, parent: TraceContext | None = None
) -> LookedUp:
    """Search every store that the prompt names for the user's newest text, all at once.

    Raises `PenstockError` that names the field at fault, as in `tools[0].vector_store_ids[1]`.
    """
    queries = queries_of(api, request)
    tools = file_searches(request) if queries else ()
    wanted = [(tool, store) for tool in tools for store in tool.stores]
    asked = (searches.search(tenant, _search(tool, store, queries), parent) for tool, store in wanted)
    answers = await asyncio.gather(*asked)
    for (tool, store), answer in zip(wanted, answers, strict=True):
        if answer.error is not None:
            raise _named(answer.error.to_error(), tool, store)
    by_tool = (
        _best((answer for (owner, _), answer in zip(wanted, answers, strict=True) if owner is tool), tool.limit)
        for tool in tools
    )
    found = _ranked(ground for of_tool in by_tool for ground in of_tool)
    return LookedUp(
        tuple(within(found, budget)),
        versions=tuple(sorted({f"{answer.store_id}@{answer.version or 0}" for answer in answers})),
        confidential=any(answer.confidential for answer in answers),
    )


def budget_for(model: Model | None, most: int) -> int:
    """How many tokens of documents a prompt for this model may have: at most half of what its deployments can read."""
    windows = [deployment.context_window for deployment in model.deployments] if model is not None else []
    known = [window for window in windows if window is not None]
    return most if not known or len(known) < len(windows) else min(most, max(known) // _SHARE_OF_WINDOW)


def within(grounds: Sequence[Ground], budget: int) -> Iterator[Ground]:
    """The best that fit together; one that is too long leaves its place to shorter ones behind it."""
    for ground in grounds:
        tokens = tokens_of(ground)
        if tokens <= budget:
            budget -= tokens
            yield ground


def tokens_of(ground: Ground) -> int:
    """An estimate of its text that is rather too high."""
    return -(-len(ground.text.encode()) // _BYTES_PER_TOKEN)


def _search(tool: FileSearch, store: StoreNamed, queries: tuple[str, ...]) -> RetrievalRequested:
    return RetrievalRequested(
        store=store.name,
        queries=queries,
        limit=tool.limit,
        filters=tool.filters,
        score_threshold=tool.score_threshold,
        vector_weight=tool.vector_weight,
    )


def _best(answers: Iterable[RetrievalAnswered], limit: int) -> list[Ground]:
    return _ranked(ground for answer in answers for ground in _grounds(answer))[:limit]


def _ranked(grounds: Iterable[Ground]) -> list[Ground]:
    """The best first, each once: a store can be named by its id and by its name."""
    found: dict[tuple[object, ...], Ground] = {}
    for ground in sorted(grounds, key=lambda one: -one.score):
        found.setdefault((ground.store_id, ground.document_id, ground.start, ground.end), ground)
    return list(found.values())


def _grounds(answer: RetrievalAnswered) -> Iterator[Ground]:
    for hit in answer.hits:
        yield Ground(
            store_id=answer.store_id,
            document_id=hit.document_id,
            filename=hit.filename,
            attributes=dict(hit.attributes),
            start=hit.start,
            end=hit.end,
            page=hit.page,
            version=answer.version,
            score=hit.score,
            text=hit.text,
        )


def _named(error: PenstockError, tool: FileSearch, store: StoreNamed) -> PenstockError:
    """The error with the field that the caller has to mend, where it is one of theirs."""
    if error.code not in (ErrorCode.NOT_FOUND, ErrorCode.INVALID_REQUEST):
        return error
    of_filters = error.param is not None and error.param.startswith("filters")
    param = f"{tool.path}.{error.param}" if of_filters else store.path
    message = f"{param}: {error.message.removeprefix(f'{error.param}: ')}"
    return PenstockError(error.code, message, stage=error.stage, param=param)
