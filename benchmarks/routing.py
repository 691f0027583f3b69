"""The router: `python -m benchmarks.routing --data DIR`. How often it is right, and what a decision costs.

The prompts are those of data sets that no example comes from; a set that is not in DIR is left out, and said to be.
"""

import argparse
import csv
import gzip
import json
import statistics
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

from benchmarks.machine import describe
from ingestion.embedding.wordllama import WordLlamaModel
from workers.routing.classifier import Classifier, train
from workers.routing.confusion import Confusion
from workers.routing.examples import shipped
from workers.routing.features import cut, features_of

_PERCENT = 100
_WARM_UP = 200


class DataSet(NamedTuple):
    """Prompts of one class, and how they are read from the set's folder."""

    label: str
    read: Callable[[Path], list[str]]


def _human_eval(folder: Path) -> list[str]:
    with gzip.open(folder / "HumanEval.jsonl.gz", "rt", encoding="utf-8") as file:
        return [json.loads(line)["prompt"] for line in file]


def _gsm8k(folder: Path) -> list[str]:
    with (folder / "test.jsonl").open(encoding="utf-8") as file:
        return [json.loads(line)["question"] for line in file]


def _clinc150(folder: Path) -> list[str]:
    """The utterances in scope of its test split: what is out of scope has no class of ours."""
    found = json.loads((folder / "data_full.json").read_text("utf-8"))
    return [utterance for utterance, _ in found["test"]]


def _banking77(folder: Path) -> list[str]:
    with (folder / "test.csv").open(encoding="utf-8", newline="") as file:
        return [row["text"] for row in csv.DictReader(file)]


SETS: Mapping[str, DataSet] = {
    "humaneval": DataSet("code", _human_eval),
    "gsm8k": DataSet("reasoning", _gsm8k),
    "clinc150": DataSet("faq", _clinc150),
    "banking77": DataSet("faq", _banking77),
}


class Measured(NamedTuple):
    """Labels and classes of a set, and what each decision took of CPU, in milliseconds, the embedding included."""

    pairs: list[tuple[str, str]]
    cpu_ms: list[float]


def measure(classifier: Classifier, model: WordLlamaModel, label: str, prompts: list[str]) -> Measured:
    """Decide on each prompt by itself, as a worker does. CPU is the process's: the tokenizer's threads count."""
    pairs, spent = [], []
    for prompt in prompts:
        begun = time.process_time_ns()
        text = cut(prompt)
        verdict = classifier.classify(model.embed_now([text])[0], features_of(text))
        spent.append((time.process_time_ns() - begun) / 1e6)
        pairs.append((label, verdict.name))
    return Measured(pairs, spent)


def _percentile(figures: list[float], percent: int) -> float:
    return statistics.quantiles(figures, n=_PERCENT, method="inclusive")[percent - 1]


def _line(name: str, measured: Measured) -> str:
    confusion = Confusion.of(measured.pairs)
    p50, p99 = (_percentile(measured.cpu_ms, percent) for percent in (50, 99))
    return f"| {name} | {confusion.total:,} | {confusion.accuracy:.4f} | {p50:.3f} | {p99:.3f} |"


def main() -> None:
    """Measure every set that is there, and print a table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.routing", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="the folder in which humaneval/, gsm8k/ … lie")
    folder: Path = parser.parse_args().data
    print(describe(), end="\n\n")
    model = WordLlamaModel()
    model.embed_now(["warm"])
    begun, cpu = time.perf_counter(), time.process_time()
    classifier = train(shipped(), model)
    print(f"trained in {time.perf_counter() - begun:.2f} s, {time.process_time() - cpu:.2f} s of CPU\n")
    print("| prompts of | number | right | CPU p50, ms | p99, ms |\n|---|---|---|---|---|")
    everything = Measured([], [])
    for name, found in SETS.items():
        if not (folder / name).is_dir():
            print(f"| {name} | left out: it is not in {folder} | | | |")
            continue
        prompts = found.read(folder / name)
        measure(classifier, model, found.label, prompts[:_WARM_UP])
        measured = measure(classifier, model, found.label, prompts)
        print(_line(name, measured))
        everything.pairs.extend(measured.pairs)
        everything.cpu_ms.extend(measured.cpu_ms)
    if everything.pairs:
        print(_line("all", everything))


if __name__ == "__main__":
    main()
