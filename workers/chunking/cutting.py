"""From a document's content to the messages with its chunks: all of it work for a thread."""

from collections.abc import Sequence
from dataclasses import dataclass

from contracts.documents import ChunkBody, DocumentChunked
from infra.index.places import Wanted
from infra.index.version import IndexVersion
from ingestion.chunking import Chunk, ChunkerSettings, chunk
from ingestion.parsing import Parsed, UnparsableError, kind_of, parse
from workers.documents import Submitted


@dataclass(frozen=True, slots=True)
class Cut:
    """The body of `documents.chunked` for one index version, and how many chunks are in it."""

    version: IndexVersion
    body: bytes
    chunks: int


def is_plain(filename: str, media_type: str | None, content: bytes) -> bool:
    """Whether a file only has to be decoded (or is none that anything can be made of): no parser process is needed."""
    try:
        return kind_of(filename, media_type, content).is_plain
    except UnparsableError:
        return True


def parse_and_cut(
    content: bytes, wanted: Wanted, about: Submitted, versions: Sequence[IndexVersion]
) -> tuple[Parsed, list[Cut]]:
    """A plain file in one go. Raises `UnparsableError`."""
    parsed = parse(wanted.filename, content, wanted.media_type)
    return parsed, cut(parsed, wanted, about, versions)


def cut(parsed: Parsed, wanted: Wanted, about: Submitted, versions: Sequence[IndexVersion]) -> list[Cut]:
    """Once for each version; chunked once where their chunkers are the same."""
    chunks: dict[ChunkerSettings, tuple[ChunkBody, ...]] = {}
    made = []
    for version in versions:
        settings = ChunkerSettings(**version.chunker)
        if settings not in chunks:
            chunks[settings] = tuple(map(_body, chunk(parsed, settings)))
        made.append(Cut(version, _message(about, wanted, version, chunks[settings]), len(chunks[settings])))
    return made


def _message(about: Submitted, wanted: Wanted, version: IndexVersion, chunks: tuple[ChunkBody, ...]) -> bytes:
    message = DocumentChunked(
        submission_id=about.submission_id,
        store_id=about.store_id,
        document_id=about.document_id,
        version=version.id,
        model=version.model,
        revision=version.revision,
        dimension=version.dimension,
        sha256=wanted.sha256.hex(),
        chunks=chunks,
    )
    return message.model_dump_json(exclude_none=True).encode()


def _body(each: Chunk) -> ChunkBody:
    return ChunkBody(
        text=each.text, sha256=each.sha256, start=each.begin, end=each.end, heading=each.heading, page=each.page
    )
