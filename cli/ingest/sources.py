"""What there is to ingest: files, folders, globs, BEIR's corpora and standard input, each document under its id."""

import glob
import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from cli.failures import CommandError

_WILD = re.compile(r"[*?\[]")
_TOKEN = re.compile(r"\*\*/|\*\*|\*|\?|\[!?[^\]]+\]|.", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Source:
    """A document: its id, the name that searches show, and where its content is."""

    document_id: str
    filename: str
    content: Path | bytes
    media_type: str | None = None

    @property
    def origin(self) -> str:
        """Where it comes from, in words."""
        return str(self.content) if isinstance(self.content, Path) else "standard input"

    def read(self) -> bytes:
        """Raises `OSError`."""
        return self.content if isinstance(self.content, bytes) else self.content.read_bytes()


class Root:
    """One PATH of the command line: the files under it, by their paths relative to it."""

    def __init__(self, files: Sequence[tuple[str, Path]], scope: re.Pattern[str], prefix: str) -> None:
        self._files, self._scope, self._prefix = files, scope, prefix

    def __len__(self) -> int:
        return len(self._files)

    def __iter__(self) -> Iterator[Source]:
        for name, path in self._files:
            yield Source(self._prefix + name, self._prefix + name, path)

    def covers(self, document_id: str, filename: str) -> bool:
        """Whether a document of a store was made of a file that would be found here."""
        mine = document_id == filename and document_id.startswith(self._prefix)
        return mine and self._scope.fullmatch(document_id.removeprefix(self._prefix)) is not None


class Beir:
    """A `corpus.jsonl` in BEIR's layout: each line is a document, under its own id."""

    def __init__(self, path: Path, prefix: str) -> None:
        self._path, self._prefix = path, prefix
        with path.open("rb") as file:
            self._size = sum(1 for line in file if line.strip())

    def __len__(self) -> int:
        return self._size

    def __iter__(self) -> Iterator[Source]:
        from ingestion.beir import read_corpus

        for document in read_corpus(self._path):
            name = self._prefix + document.id
            yield Source(name, f"{name}.txt", document.content.encode())

    def covers(self, document_id: str, filename: str) -> bool:
        """As a `Root`."""
        return filename == f"{document_id}.txt" and document_id.startswith(self._prefix)


class Given:
    """What was read from standard input: one document, under the name that it was given."""

    def __init__(self, name: str, content: bytes) -> None:
        self._source = Source(name, name, content)

    def __len__(self) -> int:
        return 1

    def __iter__(self) -> Iterator[Source]:
        yield self._source

    def covers(self, document_id: str, filename: str) -> bool:
        """Nothing else is under it."""
        return False


Roots = Sequence[Root | Beir | Given]


def find(path: str, prefix: str = "") -> Root:
    """The files under a path: a file, a folder with all that is in it, or a glob. Hidden ones are left out, unless they
    are named. Raises `CommandError` where there is nothing.
    """
    given = Path(path)
    if given.is_dir():
        files = [(found.relative_to(given).as_posix(), found) for found in _walk(given)]
        scope = re.compile(r".*", re.DOTALL)
    elif given.exists():
        files, scope = [(given.name, given)], re.compile(re.escape(given.name))
    elif _WILD.search(path):
        files, scope = _globbed(path)
    else:
        raise CommandError(f"there is no file or folder {path}.")
    if not files:
        raise CommandError(f"there are no files under {path}.")
    return Root(files, scope, prefix)


def find_beir(path: str, prefix: str = "") -> Beir:
    """A corpus: the file itself, or the folder that has a `corpus.jsonl`. Raises `CommandError` where there is none."""
    given = Path(path)
    corpus = given / "corpus.jsonl" if given.is_dir() else given
    try:
        found = Beir(corpus, prefix)
    except OSError as error:
        raise CommandError(f"{corpus} can't be read: {error.strerror}.") from error
    if not len(found):
        raise CommandError(f"there are no documents in {corpus}.")
    return found


def require_different_ids(roots: Roots) -> None:
    """Raises `CommandError` where two files would be one document. A corpus is trusted to have an id once."""
    seen: dict[str, Source] = {}
    for source in (source for root in roots if not isinstance(root, Beir) for source in root):
        if (other := seen.setdefault(source.document_id, source)) != source:
            both = f"{other.origin} and {source.origin} would both be the document «{source.document_id}»"
            raise CommandError(f"{both}: name a folder that holds both, so that their ids tell them apart.")


def _walk(folder: Path) -> Iterator[Path]:
    """Sorted, so that a run which was stopped and its next one go the same way."""
    for where, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        yield from (Path(where, name) for name in sorted(files) if not name.startswith("."))


def _globbed(pattern: str) -> tuple[list[tuple[str, Path]], re.Pattern[str]]:
    """Relative to the folders in front of the first wild card."""
    parts = PurePosixPath(pattern).parts
    wild = next(number for number, part in enumerate(parts) if _WILD.search(part))
    base, rest = Path(*parts[:wild]), str(PurePosixPath(*parts[wild:]))
    names = sorted(glob.glob(rest, root_dir=base, recursive=True))  # noqa: PTH207 - Path.glob finds hidden files
    files = [(PurePosixPath(name).as_posix(), base / name) for name in names if (base / name).is_file()]
    return files, _regex(rest)


def _regex(pattern: str) -> re.Pattern[str]:
    """What a glob would find: `**` goes through folders, nothing else goes over a slash."""
    return re.compile(_TOKEN.sub(_translated, pattern), re.DOTALL)


def _translated(token: re.Match[str]) -> str:
    plain = {"**/": "(?:[^/]+/)*", "**": ".*", "*": "[^/]*", "?": "[^/]"}.get(token[0])
    if plain is not None:
        return plain
    if len(token[0]) == 1:
        return re.escape(token[0])
    inside = token[0][1:-1].replace("\\", r"\\")
    return f"[^{inside[1:]}]" if inside.startswith("!") else f"[{inside}]"
