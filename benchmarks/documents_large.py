"""100,000 chunks in one store, searched through the API: how long it takes, and what it misses."""

import asyncio
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import islice

import numpy as np
import uvloop

from benchmarks.documents_corpus import Question, TopicCorpus
from benchmarks.documents_platform import Platform
from benchmarks.index import LARGE, SMALL, STORE, load
from benchmarks.processes import BenchmarkError
from benchmarks.report import Verdict
from benchmarks.result import Percentiles
from infra.access.keys import ApiKeys, NewKey
from infra.database.engine import create_engine
from infra.settings import Settings

K = 10
_IN_FLIGHT = 8
_BATCH = 2000


def measure_large(platform: Platform, chunks: int, count: int, seed: int) -> list[Verdict]:
    """A tenant with all of them, and one with a hundredth as many."""
    corpora = {LARGE: TopicCorpus(chunks, seed), SMALL: TopicCorpus(chunks // 100, seed + 1)}
    # In a thread with a loop of its own, as `benchmarks.index` has it.
    keys = uvloop.run(_fill(platform, corpora))
    verdicts = []
    print("\n| chunks | in flight | p50 ms | p99 ms | recall@10 |\n|---:|---:|---:|---:|---:|")
    for tenant, corpus in corpora.items():
        verdicts += _measure_tenant(platform, keys[tenant], corpus, corpus.questions(count))
    return verdicts


def _measure_tenant(platform: Platform, key: str, corpus: TopicCorpus, questions: Sequence[Question]) -> list[Verdict]:
    size = f"{len(corpus.vectors):,}"
    _timed(platform, key, questions[:50])
    alone = Percentiles.of(_timed(platform, key, questions))
    with ThreadPoolExecutor(_IN_FLIGHT) as callers:
        parts = [list(islice(questions, number, None, _IN_FLIGHT)) for number in range(_IN_FLIGHT)]
        taken = [each for part in callers.map(lambda part: _timed(platform, key, part), parts) for each in part]
    together = Percentiles.of(taken)
    found = _recall(platform, key, corpus, questions)
    print(f"| {size} | 1 | {alone.p50:.2f} | {alone.p99:.2f} | {found:.3f} |")
    print(f"| {size} | {_IN_FLIGHT} | {together.p50:.2f} | {together.p99:.2f} | |")
    return [
        Verdict(f"{size} chunks, hybrid p50 ≤ 8 ms", f"{alone.p50:.2f} ms", alone.p50 <= 8),
        Verdict(f"{size} chunks, hybrid p99 ≤ 30 ms", f"{alone.p99:.2f} ms", alone.p99 <= 30),
        Verdict(f"{size} chunks, recall@10 ≥ 0.95", f"{found:.3f}", found >= 0.95),
    ]


async def _fill(platform: Platform, corpora: dict[str, TopicCorpus]) -> dict[str, str]:
    """Write straight into an index version; a key for each tenant."""
    engine = create_engine(Settings(database_url=platform.database_url), pool_size=2)  # type: ignore[arg-type]
    try:
        made = {tenant: NewKey(tenant, "benchmark") for tenant in corpora}
        keys = {
            tenant: (await ApiKeys(engine).create("cli:benchmark", new, makes_tenant=True)).text
            for tenant, new in made.items()
        }
        print("\n| chunks | registered, s | written, s | chunks/s | merged and graph built, s | effort | MiB |")
        print("|---:|---:|---:|---:|---:|---:|---:|")
        for tenant, corpus in corpora.items():
            await load(engine, tenant, corpus, _BATCH)
        return keys
    finally:
        await asyncio.shield(engine.dispose())


def _timed(platform: Platform, key: str, questions: Sequence[Question]) -> list[int]:
    """Nanoseconds of each hybrid search, one after the other on one connection."""
    taken = []
    with platform.searcher(STORE, key) as searcher:
        for question in questions:
            found, nanoseconds = searcher.search(question.text, max_num_results=K)
            if len(found) != K:
                raise BenchmarkError(f"a search found {len(found)} chunks and not {K}.")
            taken.append(nanoseconds)
    return taken


def _recall(platform: Platform, key: str, corpus: TopicCorpus, questions: Sequence[Question]) -> float:
    """recall@10 of the vector leg: how many of the ten nearest of all are found. A cosine that is as good counts, as
    halves can't tell them apart.
    """
    met = 0
    with platform.searcher(STORE, key) as searcher:
        for question in questions:
            found, _ = searcher.search(question.text, max_num_results=K, mode="vector")
            similar = corpus.vectors @ question.vector
            tenth = np.partition(similar, -K)[-K]
            rows = [corpus.row_of(each["file_id"], each["start"] // len(each["content"][0]["text"])) for each in found]
            met += int((similar[rows] >= tenth - 1e-3).sum())
    return met / (K * len(questions))
