"""What the tests of files and vector stores share."""

import hashlib
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

import openai
import pytest

from contracts.filters import Scalar
from infra.database.engine import create_engine
from infra.index.chunks import Chunk, DocumentChunks
from infra.index.documents import Documents, Submission
from infra.index.version import VersionSpec
from infra.index.versions import IndexVersions
from infra.index.writer import write_documents
from infra.settings import Settings
from ingestion.embedding import embedding_model
from ingestion.text import term_frequencies

HOSTILE = {
    "sql": "'; DROP TABLE files; --",
    "quotes": "\"'`$$ \\ %s :tenant {0}",
    "newlines": "a\r\nset-cookie: b",
    "markup": "<script>alert(1)</script>",
    "right to left": "\u202egpj.exe",
    "emoji": "📎" * 40,
}
"""Text that has to come back as it is."""


def refusal(attempt: Callable[[], Any]) -> tuple[int, str | None]:
    """The status and the field of the error that an attempt ends with."""
    with pytest.raises(openai.APIStatusError) as raised:
        attempt()
    body: Any = raised.value.body
    return raised.value.status_code, body["param"]


async def fill(database: str, tenant: str, store: str, texts: Mapping[str, str]) -> int:
    """Index texts, each a document of one chunk, in a first version, which goes live; its number."""
    engine = create_engine(Settings(database_url=database), pool_size=2)  # type: ignore[arg-type]
    model = embedding_model("wordllama")
    spec = VersionSpec(model=model.name, revision=model.revision, dimension=model.dimension, chunker={"tokens": 512})
    try:
        version = await IndexVersions(engine).create(tenant, store, spec)
        hashes = {name: hashlib.sha256(text.encode()).digest() for name, text in texts.items()}
        now = datetime.now(UTC)
        given: dict[str, dict[str, Scalar]] = {
            name: {"name": name, "length": len(text), **HOSTILE} for name, text in texts.items()
        }
        submissions = [Submission(name, name, given[name], hashes[name], now) for name in texts]
        await Documents(engine).register(tenant, store, submissions)
        documents = [
            DocumentChunks(
                document_id=name,
                message_id=name,
                sha256=hashes[name],
                model=model.name,
                revision=model.revision,
                chunks=[Chunk(0, text, hashes[name], 0, len(text), term_frequencies(text))],
                embeddings=await model.embed([text]),
            )
            for name, text in texts.items()
        ]
        await write_documents(engine, version, documents)
        await IndexVersions(engine).switch(tenant, version.id)
        return version.id
    finally:
        await engine.dispose()
