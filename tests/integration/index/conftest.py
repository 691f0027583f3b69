"""The fixture of the index's tests."""

import pytest

from infra.index.embeddings import Embeddings
from tests.support.database import Database
from tests.support.index import STORE, TENANT, Index, embed, sha


@pytest.fixture
async def secret(index: Index, database: Database) -> Index:
    """An index with something in every table."""
    await index.add("plan", "the secret plan", attributes={"level": 5})
    await index.documents.delete(TENANT, STORE, ["the plan before"])
    await Embeddings(index.engine).keep(TENANT, "words", "1", [sha("the secret plan")], embed("x")[None])
    await database.rows("INSERT INTO files VALUES ('acme', 'file-1', 'plan', 'assistants', 4, '\\x00') RETURNING id")
    await database.rows("INSERT INTO file_contents VALUES ('acme', 'file-1', '\\x00') RETURNING file_id")
    return index
