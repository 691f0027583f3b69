"""From a document with vectors to what is written into an index. Pure."""

from dataclasses import dataclass

import numpy as np

from contracts.documents import DocumentEmbedded
from contracts.errors import ContractError
from infra.index.chunks import Chunk, DocumentChunks
from infra.telemetry.tracing import Span
from ingestion.text import term_frequencies

STAGE = "indexing"
_BYTES = 2
"""Of a 16-bit float."""


@dataclass(slots=True)
class Item:
    """A document that is to be written, and the id of the message that brought it.

    `written` is whether the index holds this content of it; it doesn't where something newer came in between.
    """

    document: DocumentEmbedded
    message_id: str
    span: Span
    written: bool = False

    def __post_init__(self) -> None:
        """Raises `ContractError` where there isn't a vector for each chunk."""
        due = len(self.document.chunks) * self.document.dimension * _BYTES
        if len(self.document.vectors) != due:
            message = f"{len(self.document.vectors)} bytes of vectors, where {due} were due"
            raise ContractError(message, stage=STAGE, param="vectors")


def rows_of(items: list[Item]) -> list[DocumentChunks]:
    """Counts words, which takes a thread about 0.1 ms a chunk."""
    return [_rows(item.document, item.message_id) for item in items]


def _rows(document: DocumentEmbedded, message_id: str) -> DocumentChunks:
    vectors = np.frombuffer(document.vectors, "<f2").reshape(len(document.chunks), document.dimension)
    return DocumentChunks(
        document_id=document.document_id,
        message_id=message_id,
        sha256=bytes.fromhex(document.sha256),
        model=document.model,
        revision=document.revision,
        chunks=[
            Chunk(
                ordinal=ordinal,
                text=chunk.text,
                text_sha=bytes.fromhex(chunk.sha256),
                start=chunk.start,
                end=chunk.end,
                terms=term_frequencies(chunk.text),
                heading=chunk.heading,
                page=chunk.page,
            )
            for ordinal, chunk in enumerate(document.chunks)
        ],
        embeddings=vectors,
    )


def rounds(items: list[Item]) -> list[list[Item]]:
    """In their order, in as few parts as it takes to have no document twice in one."""
    parts: list[dict[str, Item]] = []
    for item in items:
        document_id = item.document.document_id
        free = next((part for part in parts if document_id not in part), None)
        if free is None:
            parts.append(free := {})
        free[document_id] = item
    return [list(part.values()) for part in parts]
