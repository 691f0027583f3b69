"""Evaluation sets in BEIR's layout: https://github.com/beir-cellar/beir/wiki/Load-your-custom-dataset."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from contracts.errors import ErrorCode, PenstockError


@dataclass(frozen=True, slots=True)
class EvaluationSet:
    """Queries by their ids, and for each the documents that somebody judged: how relevant they are, from 0 up."""

    queries: Mapping[str, str]
    judgements: Mapping[str, Mapping[str, int]]


@dataclass(frozen=True, slots=True)
class BeirDocument:
    """One line of a corpus."""

    id: str
    title: str
    text: str

    @property
    def content(self) -> str:
        """Title and text as one document, which is what BEIR's own baselines index."""
        return f"{self.title}\n\n{self.text}" if self.title else self.text


def read_evaluation_set(folder: Path, split: str = "test") -> EvaluationSet:
    """Out of `queries.jsonl` and `qrels/<split>.tsv`; queries that nobody judged are left out.

    Raises `PenstockError` (`invalid_request`), which names the file and the line.
    """
    judgements = _judgements(folder / "qrels" / f"{split}.tsv")
    queries = {
        _text(line, "_id", where): _text(line, "text", where) for where, line in _json_lines(folder / "queries.jsonl")
    }
    missing = sorted(judgements.keys() - queries.keys())
    if missing:
        raise _wrong(str(folder / "queries.jsonl"), f"it lacks the query «{missing[0]}», which is judged")
    return EvaluationSet({name: queries[name] for name in judgements}, judgements)


def read_corpus(path: Path) -> Iterator[BeirDocument]:
    """The documents of a `corpus.jsonl`, one at a time. Raises as `read_evaluation_set`."""
    for where, line in _json_lines(path):
        title = _text(line, "title", where) if line.get("title") else ""
        yield BeirDocument(_text(line, "_id", where), title, _text(line, "text", where))


def _judgements(path: Path) -> dict[str, dict[str, int]]:
    judgements: dict[str, dict[str, int]] = {}
    for number, line in _lines(path):
        fields = line.split("\t")
        if number == 1 and fields[-1].strip() == "score":
            continue
        try:
            query, document, score = fields
            judgements.setdefault(query, {})[document] = int(score)
        except ValueError:
            raise _wrong(f"{path}, line {number}", "it holds no query, document and score between tabs") from None
    return judgements


def _json_lines(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    for number, line in _lines(path):
        where = f"{path}, line {number}"
        try:
            record = orjson.loads(line)
        except orjson.JSONDecodeError as error:
            raise _wrong(where, f"it is no JSON: {error}") from None
        if not isinstance(record, dict):
            raise _wrong(where, "it is no JSON object")
        yield where, record


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    try:
        with path.open(encoding="utf-8") as file:
            for number, line in enumerate(file, 1):
                if line.strip():
                    yield number, line
    except OSError as error:
        raise _wrong(str(path), f"it can't be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise _wrong(str(path), "it is no UTF-8") from None


def _text(record: dict[str, Any], field: str, where: str) -> str:
    value = record.get(field)
    if not isinstance(value, str):
        raise _wrong(where, f"«{field}» is no text")
    return value


def _wrong(where: str, why: str) -> PenstockError:
    return PenstockError(ErrorCode.INVALID_REQUEST, f"the evaluation set is wrong: {where}: {why}", stage="evaluation")
