"""From sources to bulks: what the store holds already is left out, the rest goes into requests of bounded size."""

import base64
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from cli.ingest.sources import Source
from cli.ingest.tally import Tally

LONGEST_ID = 512
MOST_DOCUMENTS = 250
BULK_BYTES = 1024 * 1024
"""Of a request, in JSON: a sixth of what the API takes by default, so that the first documents are indexed while the
next are still packed."""

Attributes = Mapping[str, str | float | bool]


@dataclass(frozen=True, slots=True)
class Known:
    """What the store says of a document that it has."""

    filename: str
    sha256: str
    status: str
    attributes: Attributes = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Prepared:
    """A document as it is sent. `upload` is content that is too large for a bulk, and goes ahead as a file."""

    id: str
    sha256: str
    body: Mapping[str, Any]
    size: int
    upload: bytes | None = None


class Packer:
    """Reads sources one at a time; the tally is told of those that can't be read, and of those that are unchanged."""

    def __init__(self, known: Mapping[str, Known], attributes: Attributes, tally: Tally) -> None:
        self._known, self._attributes, self._tally = known, attributes, tally
        self._seen: set[str] = set()

    def bulks(self, sources: Iterable[Source]) -> Iterator[list[Prepared]]:
        """Bulks of no more than `MOST_DOCUMENTS` and, but for one that needs an upload, `BULK_BYTES`."""
        bulk: list[Prepared] = []
        size = 0
        for source in sources:
            prepared = None if self._is_seen(source) else self._prepared(source)
            if prepared is None:
                continue
            if bulk and (len(bulk) == MOST_DOCUMENTS or size + prepared.size > BULK_BYTES):
                yield bulk
                bulk, size = [], 0
            bulk.append(prepared)
            size += prepared.size
        if bulk:
            yield bulk

    def _is_seen(self, source: Source) -> bool:
        """Whether it was there before: what is named twice counts once."""
        if source.document_id in self._seen:
            self._tally.total -= 1
            return True
        self._seen.add(source.document_id)
        return False

    def _prepared(self, source: Source) -> Prepared | None:
        """None where there is nothing to send."""
        if (reason := unsendable(source.document_id)) is not None:
            self._tally.fail(source.document_id, reason)
            return None
        try:
            content = source.read()
        except OSError as error:
            self._tally.fail(source.document_id, f"it can't be read: {error.strerror}")
            return None
        known = self._known.get(source.document_id)
        # Attributes that were given elsewhere stay, unless others are given here.
        attributes = self._attributes or (known.attributes if known is not None else {})
        prepared = prepare(source, content, attributes)
        if known is not None and is_same(known, prepared):
            self._tally.unchanged += 1
            return None
        return prepared


def prepare(source: Source, content: bytes, attributes: Attributes) -> Prepared:
    """Text goes as text, which is shorter than base64 and can be read in a log; a NUL keeps it from being text."""
    from ingestion.hashes import submission_sha

    sha256 = submission_sha(source.filename, source.media_type, content)
    body: dict[str, Any] = {"id": source.document_id, "filename": source.filename}
    if source.media_type is not None:
        body["media_type"] = source.media_type
    if attributes:
        body["attributes"] = dict(attributes)
    around = sum(len(str(part)) for part in body.values()) + 100
    try:
        text = None if b"\0" in content else content.decode()
    except UnicodeDecodeError:
        text = None
    size = around + (len(content) + escaped(content) if text is not None else len(content) * 4 // 3 + 4)
    if size > BULK_BYTES:
        return Prepared(source.document_id, sha256, body, around, upload=content)
    body |= {"text": text} if text is not None else {"content": base64.b64encode(content).decode()}
    return Prepared(source.document_id, sha256, body, size)


def escaped(content: bytes) -> int:
    """How many bytes JSON adds to text: one for each quote, backslash and end of a line, five for other controls."""
    short = sum(content.count(byte) for byte in (b'"', b"\\", b"\n", b"\r", b"\t"))
    return short + 5 * sum(content.count(byte) for byte in _CONTROLS)


_CONTROLS = tuple(bytes([byte]) for byte in range(1, 32) if byte not in b"\n\r\t")


def is_same(known: Known, prepared: Prepared) -> bool:
    """Whether there is nothing to do: this very content can be found, under this name and with these attributes."""
    found = known.status == "completed" and known.sha256 == prepared.sha256
    as_told = known.filename == prepared.body["filename"] and known.attributes == prepared.body.get("attributes", {})
    return found and as_told


def unsendable(document_id: str) -> str | None:
    """Why no store takes this id, in words; None where one does."""
    if len(document_id) > LONGEST_ID:
        return f"its path is longer than the {LONGEST_ID} characters of a document's id"
    try:
        document_id.encode()
    except UnicodeEncodeError:
        return "its name is no UTF-8"
    return None
