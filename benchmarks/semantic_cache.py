"""`python -m benchmarks.semantic_cache --data DIR`: the semantic cache's hits and false hits on labelled questions.

DIR holds banking77/train.csv and test.csv (text, category), and qqp/*.json.gz (a tar of text_a, text_b, label). Either
may be missing. No model is called: two answers are the same where the labels are.
"""

import argparse
import csv
import json
import sys
import tarfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.semantic_replay import Learner, Questions, Replay, Tally, embedded, questions
from workers.cache.semantic.candidates import Neighbour, candidate_of
from workers.cache.semantic.guards import agree, facts_of

_FIRST = 0.77
"""The share of a split's first part: that of the first file in both."""
_HEAD = """| stream | order | asked | hits | false | false hits of hits (≤ at 95 %) | verified |
|---|---|---:|---:|---:|---:|---:|"""


def main() -> int:
    """Print the tables. 1 where there is nothing to read, or where a target was missed."""
    options = _arguments()
    banking, pairs = options.data / "banking77", sorted((options.data / "qqp").glob("*full.json.gz"))
    if not (banking / "train.csv").is_file() and not pairs:
        print(f"{options.data} holds neither banking77/train.csv nor qqp/*full.json.gz: nothing to measure")
        return 1
    print(f"target: {options.target:.1%} of hits; verified: {options.verify:.0%} of what could be hits\n\n{_HEAD}")
    kept = True
    if (banking / "train.csv").is_file():
        kept &= _measure_stream(_read_csv(banking / "train.csv"), _read_csv(banking / "test.csv"), options)
        _measure_sorted(_read_csv(banking / "train.csv"), options)
    if pairs:
        kept &= _measure_pairs(_read_pairs(pairs[0]), options)
    return 0 if kept else 1


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.semantic_cache", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, metavar="DIR")
    parser.add_argument("--target", type=float, default=0.01)
    parser.add_argument("--verify", type=float, default=0.05)
    parser.add_argument("--seeds", type=int, default=5, help="shuffled orders, beside the one of the files")
    parser.add_argument("--splits", type=int, default=0, help="of banking77's first file, each part sorted by intent")
    return parser.parse_args()


def _measure_stream(seen: list[tuple[str, str]], asked: list[tuple[str, str]], options: argparse.Namespace) -> bool:
    """The first file's questions pass through the cache, then the second's; these are what counts."""
    both = [*seen, *asked]
    known = questions([text for text, _ in both], [label for _, label in both])
    hits, threshold = _best_static(*_nearest_seen(known, len(seen)), options.target)
    print(f"| banking77, asked | best static threshold, {threshold:.4f} | {len(asked)} | {hits} | | | |")
    kept = True
    for seed in range(options.seeds + 1):
        random = np.random.default_rng(seed)
        first, second = np.arange(len(seen)), len(seen) + np.arange(len(asked))
        if seed:
            first, second = random.permutation(first), random.permutation(second)
        replay = Replay(known, Learner(options.target, options.verify, random))
        for part, order in (("seen", first), ("asked", second)):
            tally = replay.run(order.tolist())
            _print(f"banking77, {part}", f"shuffled {seed}" if seed else "as given", tally)
        kept &= tally.rate <= options.target and tally.hits >= 2 * hits
    return kept


def _measure_sorted(asked: list[tuple[str, str]], options: argparse.Namespace) -> None:
    """Streams that are as unlike themselves as can be: one intent after the other, twice over."""
    if not options.splits:
        return
    known = questions([text for text, _ in asked], [label for _, label in asked])
    labels = np.array(known.labels)
    for seed in range(options.splits):
        random = np.random.default_rng(seed)
        is_first = random.random(len(asked)) < _FIRST
        replay = Replay(known, Learner(options.target, options.verify, np.random.default_rng(seed + 100)))
        for part, mask in (("first", is_first), ("rest", ~is_first)):
            numbers = np.flatnonzero(mask)
            order = numbers[np.argsort(labels[numbers], kind="stable")]
            _print(f"banking77, {part} of a split", f"sorted {seed}", replay.run(order.tolist()))


def _nearest_seen(known: Questions, seen: int) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    similarities = known.vectors[seen:] @ known.vectors[:seen].T
    labels = np.array(known.labels)
    return similarities.max(axis=1), labels[similarities.argmax(axis=1)] == labels[seen:]


def _best_static(scores: NDArray[np.float32], right: NDArray[np.bool_], target: float) -> tuple[int, float]:
    """The most hits of a threshold that keeps the target on the very questions that it is judged by."""
    order = np.argsort(-scores, kind="stable")
    wrong = np.cumsum(~right[order])
    counts = np.arange(1, len(order) + 1)
    kept = np.flatnonzero(wrong <= target * counts)
    return (int(counts[kept[-1]]), float(scores[order[kept[-1]]])) if len(kept) else (0, 1.0)


def _measure_pairs(pairs: Sequence[dict[str, Any]], options: argparse.Namespace) -> bool:
    """The cache holds a pair's first text and is asked its second; what pairs taught before is known."""
    texts = [[pair[name] for pair in pairs] for name in ("text_a", "text_b")]
    scores = np.einsum("ij,ij->i", embedded(texts[0]), embedded(texts[1]))
    right = np.array([pair["label"] == 1 for pair in pairs])
    facts = np.array([agree(facts_of(one), facts_of(other)) for one, other in zip(*texts, strict=True)])
    hits, threshold = _best_static(scores, right, options.target)
    print(f"| QQP | best static threshold, {threshold:.4f} | {len(pairs)} | {hits} | | | |")
    kept = True
    for seed in range(min(options.seeds, 2) + 1):
        random = np.random.default_rng(seed)
        order = random.permutation(len(pairs)) if seed else np.arange(len(pairs))
        learner, tally = Learner(options.target, options.verify, random), Tally()
        for number in order.tolist():
            tally.asked += 1
            neighbour = Neighbour(number, number, float(scores[number]), bool(facts[number]))
            if candidate := candidate_of([neighbour]):
                learner.decide(candidate, bool(right[number]), tally)
        _print("QQP", f"shuffled {seed}" if seed else "as given", tally)
        kept &= tally.rate <= options.target and tally.hits >= 2 * hits
    return kept


def _print(stream: str, order: str, tally: Tally) -> None:
    rate = f"{tally.rate:.2%} ({tally.bound:.2%})" if tally.hits else "no hits"
    print(
        f"| {stream} | {order} | {tally.asked} | {tally.hits} | {tally.wrong} | {rate} | {tally.verified} |",
        flush=True,
    )


def _read_csv(path: Path) -> list[tuple[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return [(row["text"], row["category"]) for row in csv.DictReader(file)]


def _read_pairs(path: Path) -> list[dict[str, Any]]:
    with tarfile.open(path, "r:gz") as archive:
        for member in archive:
            if member.isfile() and (file := archive.extractfile(member)):
                found: list[dict[str, Any]] = json.loads(file.read())
                return found
    return []


if __name__ == "__main__":
    sys.exit(main())
