"""`penstock contracts`: writes schemas, AsyncAPI and their reference, and refuses what is not additive.

A change is compared twice: with the files in the working tree, and with the same files at a base revision in git, so
that editing or deleting a file by hand hides nothing.
"""

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import typer

app = typer.Typer(no_args_is_help=True)

ROOT = Path(__file__).resolve().parents[1]
SCHEMAS = "contracts/schemas/v1"
REFERENCE = "docs/contracts.md"
BASE = "PENSTOCK_CONTRACTS_BASE"
_MAIN = "origin/main"
_TREE = "the working tree"

Document = dict[str, Any]


class _GitError(Exception):
    """Git is here and does not give what was asked of it, or is asked for and not here."""


@dataclass(frozen=True, slots=True)
class _Baseline:
    """The documents of another state, as texts by name. `what` says which state."""

    what: str
    texts: Mapping[str, str]


@app.command()
def generate() -> None:
    """Write schemas, AsyncAPI and their reference; refused where a change is not additive."""
    documents = all_documents()
    _exit_if(_refusals(documents, _baselines()[0]))
    for path, text in files(documents).items():
        target = ROOT / path
        if _read(target) != text:
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text, encoding="utf-8")
            typer.echo(f"wrote {path}")


@app.command()
def check() -> None:
    """Fail where a committed file is missing or stale, or a change is not additive."""
    documents = all_documents()
    baselines, unchecked = _baselines()
    problems = _refusals(documents, baselines)
    for path, text in files(documents).items():
        found = _read(ROOT / path)
        if found != text:
            problems.append(f"{path} is {'missing' if found is None else 'stale'}: run «make schemas»")
    _exit_if(problems)
    compared = " and ".join(baseline.what for baseline in baselines)
    typer.echo(f"contracts: {len(documents)} documents are fresh and compatible with {compared}")
    if unchecked:
        typer.echo(f"contracts: not compared with an earlier revision: {unchecked}")


def all_documents() -> dict[str, Document]:
    """Every document as the code says it, by the stem of its file."""
    from contracts.asyncapi import NAME, asyncapi
    from contracts.schema import schemas

    return {**schemas(), NAME: asyncapi()}


def files(documents: Mapping[str, Document]) -> dict[str, str]:
    """The text of each generated file, by its path from the root of the repository."""
    from contracts.errors import HTTP_STATUS
    from contracts.schema import to_text

    texts = {f"{SCHEMAS}/{name}.json": to_text(document) for name, document in documents.items()}
    return {**texts, REFERENCE: render(documents, HTTP_STATUS)}


def _refusals(documents: Mapping[str, Document], baselines: Iterable[_Baseline]) -> list[str]:
    """One sentence for each change that is not additive, with all states that it was seen against."""
    from contracts.asyncapi import incompatible_changes
    from contracts.compatibility import SchemaError

    against: dict[str, list[str]] = {}
    for baseline in baselines:
        for name, text in baseline.texts.items():
            try:
                sentences = incompatible_changes({name: json.loads(text)}, documents)
            except (json.JSONDecodeError, SchemaError) as error:
                sentences = [f"{name}: this is no schema to compare with, {error}: delete it or take it back"]
            for sentence in sentences:
                against.setdefault(sentence, []).append(baseline.what)
    refused = [f"{sentence} (against {' and '.join(states)})" for sentence, states in against.items()]
    if refused:
        refused.append("what is not additive needs a new version beside the old one")
        if all(states == [_TREE] for states in against.values()):
            refused.append(f"if it was never merged, take {SCHEMAS} back to what was and run «make schemas»")
    return refused


def _exit_if(problems: list[str]) -> None:
    for problem in problems:
        typer.echo(f"contracts: {problem}", err=True)
    if problems:
        raise typer.Exit(1)


def _read(path: Path) -> str | None:
    return path.read_text(encoding="utf-8") if path.exists() else None


def _baselines() -> tuple[list[_Baseline], str]:
    """The states to compare with; and where git has none, why. Ends the command where git fails."""
    tree = {path.stem: path.read_text(encoding="utf-8") for path in sorted((ROOT / SCHEMAS).glob("*.json"))}
    try:
        revision, what = _base()
        if not revision:
            return [_Baseline(_TREE, tree)], what
        paths = _git("ls-tree", "-z", "--name-only", revision, f"{SCHEMAS}/").split("\0")
        texts = {Path(path).stem: _git("show", f"{revision}:./{path}") for path in paths if path.endswith(".json")}
    except _GitError as error:
        typer.echo(f"contracts: {error}", err=True)
        raise typer.Exit(1) from error
    return [_Baseline(_TREE, tree), _Baseline(f"{what} ({revision[:12]})", texts)], ""


def _base() -> tuple[str, str]:
    """The base revision and its name, or nothing and why there is none. Raises `_GitError`."""
    absent = ""
    if shutil.which("git") is None:
        absent = "git is not installed"
    elif not any((folder / ".git").exists() for folder in (ROOT, *ROOT.parents)):
        absent = "this is no git repository"
    if asked := os.environ.get(BASE):
        found = "" if absent else _commit(asked)
        if not found:
            raise _GitError(f"{BASE} is «{asked}», but {absent or 'git knows no such revision'}")
        return found, asked
    head = "" if absent else _commit("HEAD")
    if not head:
        return "", absent or "nothing is committed yet"
    fork = _commit(_MAIN) and _git("merge-base", "HEAD", _MAIN, none_is=1).strip()
    return (fork, f"the branch point from {_MAIN}") if fork not in ("", head) else (head, "HEAD")


def _commit(name: str) -> str:
    return _git("rev-parse", "--verify", "--quiet", f"{name}^{{commit}}", none_is=1).strip()


def _git(*arguments: str, none_is: int = 0) -> str:
    """What git prints; nothing where it ends with `none_is`. Raises `_GitError`."""
    command = ["git", "-C", str(ROOT), *arguments]
    done = subprocess.run(command, capture_output=True, encoding="utf-8", check=False)  # noqa: S603 - git alone
    if done.returncode not in (0, none_is):
        raise _GitError(f"git {arguments[0]} failed: {done.stderr.strip()}")
    return done.stdout


def render(documents: Mapping[str, Document], statuses: Mapping[str, int]) -> str:
    """The reference as Markdown: every channel with its headers, its body and an example, then the error codes."""
    document = documents["asyncapi"]
    parameters = document["components"]["parameters"]
    lines = [
        "# Message contracts, version 1",
        "",
        f"Written by `make schemas`: don't edit. For programs: [asyncapi.json](../{SCHEMAS}/asyncapi.json) and the",
        "JSON Schemas beside it. A reader ignores fields and headers that it doesn't know.",
        "",
        "## Subjects",
        "",
        *_table(("part", "meaning"), ((f"`{{{name}}}`", part["description"]) for name, part in parameters.items())),
        "## Headers",
        "",
        documents["envelope"]["description"],
        "",
        *_fields(documents["envelope"], "header"),
    ]
    for name, channel in document["channels"].items():
        lines += _channel(name, channel, documents)
    codes = ((f"`{code}`", str(status)) for code, status in statuses.items())
    return "\n".join([*lines, "## Error codes", "", *_table(("code", "HTTP status"), codes)]).rstrip() + "\n"


def _channel(name: str, channel: Document, documents: Mapping[str, Document]) -> Iterator[str]:
    message = documents["asyncapi"]["components"]["messages"][name]
    body, headers = (_resolved(message.get(part, {}), documents) for part in ("payload", "headers"))
    stream = channel.get("x-jetstream-stream")
    yield from (f"## {name}", "", body["description"] if "$id" in body else channel["description"], "")
    yield f"- Subject: `{channel['address']}`"
    yield f"- Stream: `{stream}`" if stream else "- Stream: none, core NATS"
    if "$id" in body:
        yield f"- Schema: [{name}.json](../{SCHEMAS}/{name}.json)"
    yield from ("- Headers: [those of every event](#headers)", "") if "$id" in headers else ("",)
    if headers and "$id" not in headers:
        yield from (headers["description"], "", *_fields(headers, "header"))
    yield from _fields(body, "field") if "properties" in body else (body["description"], "")
    for example in message.get("examples", ()):
        yield from ("```json", json.dumps(example["payload"], indent=2, ensure_ascii=False), "```", "")


def _resolved(node: Document, documents: Mapping[str, Document]) -> Document:
    ref = node.get("$ref", "")
    if ref.startswith("./"):
        return documents[ref.removeprefix("./").removesuffix(".json")]
    return documents["asyncapi"]["components"]["schemas"][ref.rpartition("/")[2]] if ref else node


def _fields(schema: Document, called: str) -> list[str]:
    rows = (
        (f"`{path}`", kind, "yes" if needed else "", says) for path, kind, needed, says in _walk(schema, schema, "")
    )
    return _table((called, "type", "required", "meaning"), rows)


def _walk(schema: Document, root: Document, prefix: str) -> Iterator[tuple[str, str, bool, str]]:
    for name, field in schema["properties"].items():
        inner = root.get("$defs", {}).get(field.get("$ref", "").rpartition("/")[2], field)
        says = field.get("description") or inner.get("description", "")
        default = field.get("default")
        if default is not None and not isinstance(default, dict):
            says = f"{says} Default: `{json.dumps(default)}`.".strip()
        yield prefix + name, _type(inner), name in schema.get("required", ()), says
        if "properties" in inner:
            yield from _walk(inner, root, f"{prefix}{name}.")


def _type(schema: Document) -> str:
    if "anyOf" in schema:
        return " or ".join(_type(branch) for branch in schema["anyOf"])
    if values := schema.get("enum") or ([schema["const"]] if "const" in schema else []):
        return " or ".join(f"`{json.dumps(value)}`" for value in values)
    bound = f" ≥ {schema['minimum']}" if "minimum" in schema else ""
    pattern = f" `{schema['pattern']}`" if "pattern" in schema else ""
    return f"{schema.get('format') or schema.get('type', 'any')}{bound}{pattern}"


def _table(heads: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> list[str]:
    cells = [heads, ("---",) * len(heads), *rows]
    return ["| " + " | ".join(re.sub(r"([|<])", r"\\\1", cell) for cell in row) + " |" for row in cells] + [""]
