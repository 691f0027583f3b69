"""SciFact from files to searches, and into a new version while people search."""

import json
from pathlib import Path

import numpy as np

from benchmarks.documents_load import SearchLoad, load_for
from benchmarks.documents_platform import Platform
from benchmarks.report import Verdict
from benchmarks.result import Percentiles
from ingestion.beir import EvaluationSet, read_corpus, read_evaluation_set
from ingestion.chunking import ChunkerSettings, chunk
from ingestion.embedding.wordllama import WordLlamaModel
from ingestion.evaluation import Quality
from ingestion.parsing import Kind, Parsed

STORE, SET = "scifact", "scifact"
LEGS = ("vector", "text", "hybrid")
_AT_ONCE = 64
_AGREES = 0.005
"""By how much two computations of nDCG@10 may differ: vectors are stored as 16-bit floats, and ties break elsewhere."""


def measure_ingest(platform: Platform, folder: Path) -> list[Verdict]:
    """From files to searchable: one command, from its start to its end."""
    print(f"penstock ingest {folder.name}", flush=True)
    said, seconds = platform.cli("ingest", str(folder), "--beir", "--store", STORE)
    documents = sum(1 for _ in read_corpus(folder / "corpus.jsonl"))
    print(said.strip().splitlines()[-1])
    rate = documents / seconds
    return [Verdict("SciFact, files to searchable ≥ 400 documents/s", f"{rate:,.0f}/s ({seconds:.1f} s)", rate >= 400)]


def measure_quality(platform: Platform, folder: Path) -> list[Verdict]:
    """By `penstock eval`, and computed here from the same files without a database."""
    print("penstock eval", flush=True)
    said, seconds = platform.cli("eval", STORE, "--attach", str(folder), "--name", SET, "--json")
    measured = {each["mode"]: each for each in json.loads(said)["measured"]}
    direct = _direct(folder, read_evaluation_set(folder))
    print(f"\n| SciFact | nDCG@10 | recall@10 | MRR@10 | nDCG@10, directly |  ({seconds:.1f} s)")
    print("|---|---:|---:|---:|---:|")
    for leg in LEGS:
        row = measured[leg]
        print(f"| {leg} | {row['ndcg']:.4f} | {row['recall']:.4f} | {row['mrr']:.4f} | {direct[leg].ndcg:.4f} |")
    hybrid = measured["hybrid"]["ndcg"]
    better = hybrid > max(measured["vector"]["ndcg"], measured["text"]["ndcg"])
    apart = max(abs(measured[leg]["ndcg"] - direct[leg].ndcg) for leg in LEGS)
    return [
        Verdict("SciFact, hybrid nDCG@10 ≥ 0.67 and above each leg", f"{hybrid:.4f}", hybrid >= 0.67 and better),
        Verdict(f"penstock eval and a direct computation within {_AGREES}", f"{apart:.4f} apart", apart <= _AGREES),
    ]


def measure_reindex(platform: Platform, folder: Path, quiet_seconds: float) -> list[Verdict]:
    """Search the quiet store, then all through a re-index with other chunks, at the same pace."""
    queries = list(read_evaluation_set(folder).queries.values())
    load_for(platform, STORE, queries, 2.0)
    print("searches of the quiet store", flush=True)
    quiet = load_for(platform, STORE, queries, quiet_seconds)
    print("penstock reindex", flush=True)
    load = SearchLoad(platform, STORE, queries)
    load.start()
    try:
        said, seconds = platform.cli("reindex", STORE, "--chunk-tokens", "400")
    finally:
        busy = load.stop()
    print(f"{said.strip().splitlines()[-1]} ({seconds:.1f} s, {len(busy.taken):,} searches)")
    before, within = Percentiles.of(quiet.taken), Percentiles.of(busy.taken)
    for name, each in (("quiet", before), ("re-index", within)):
        print(f"searches, {name}: p50 {each.p50:.1f} ms, p99 {each.p99:.1f} ms, longest {each.maximum:.1f} ms")
    for reason in busy.failed[:3]:
        print(reason)
    ratio = within.p99 / before.p99
    return [
        Verdict("searches failed during the re-index: 0", str(len(busy.failed)), not busy.failed),
        Verdict("searches empty during the re-index: 0", str(busy.empty), not busy.empty),
        Verdict("p99 during the re-index ≤ 3 times quiet", f"{ratio:.2f} times", ratio <= 3),
    ]


def _direct(folder: Path, judged: EvaluationSet) -> dict[str, Quality]:
    from tests.support.direct_search import DirectIndex

    model = WordLlamaModel()
    chunks = [
        (document.id, one.text)
        for document in read_corpus(folder / "corpus.jsonl")
        for one in chunk(Parsed(document.content, Kind.TEXT), ChunkerSettings())
    ]
    parts = [chunks[begin : begin + _AT_ONCE] for begin in range(0, len(chunks), _AT_ONCE)]
    vectors = np.concatenate([model.embed_now([text for _, text in part]) for part in parts])
    index = DirectIndex.of(chunks, vectors)
    asked = model.embed_now(list(judged.queries.values()))
    return {leg: index.quality(leg, judged.queries, asked, judged.judgements) for leg in LEGS}  # type: ignore[arg-type]
