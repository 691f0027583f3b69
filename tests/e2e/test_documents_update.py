"""A documentation tree, and the same tree years later: what an update costs, counted from outside."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from ingestion.chunking import Chunk, ChunkerSettings, chunk
from ingestion.parsing import parse
from tests.e2e.running import Penstock
from tests.support import forks
from tests.support.embedding_plan import plan
from tests.support.shared_data import shared_data

pytestmark = pytest.mark.shared_data
TENANT, STORE = "librarians", "rust-book"
ENDED = f"penstock.v1.documents.indexed.batch.{TENANT}.*"


def chunked(folder: Path) -> dict[str, list[Chunk]]:
    files = sorted(folder.rglob("*.md"))
    return {
        path.relative_to(folder).as_posix(): chunk(parse(path.name, path.read_bytes()), ChunkerSettings())
        for path in files
    }


def embedded(known: set[str], tree: dict[str, list[Chunk]]) -> int:
    """How many texts have to be embedded when this tree is taken in and `known` have their vectors."""
    count = 0
    for chunks in tree.values():
        new = plan(known, chunks).embed
        known |= {one.sha256 for one in new}
        count += len(new)
    return count


def ingest(penstock: Penstock, key: str, folder: Path, *more: str) -> str:
    environ = penstock.environ | {"PENSTOCK_API_KEY": key}
    done = forks.run(["ingest", str(folder), "--store", STORE, *more], environ)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def ended(penstock: Penstock) -> list[dict[str, Any]]:
    """What was published of every document that was indexed, the first one first."""

    async def read() -> list[dict[str, Any]]:
        client = await penstock.connect()
        try:
            js = client.jetstream()
            count = sum(((await js.stream_info("DOCUMENTS_ENDED", ENDED)).state.subjects or {}).values())
            messages = await js.subscribe(ENDED, stream="DOCUMENTS_ENDED", ordered_consumer=True)
            return [json.loads((await messages.next_msg(timeout=10)).data) for _ in range(count)]
        finally:
            await client.close()

    return asyncio.run(read())


def test_an_update_embeds_what_has_changed_and_no_more_and_what_is_gone_is_gone(penstock: Penstock) -> None:
    folder = shared_data("rust_book")
    old, new = chunked(folder / "old" / "src"), chunked(folder / "new" / "src")
    key = penstock.create_key(TENANT)

    ingest(penstock, key, folder / "old" / "src")
    first = ended(penstock)
    assert sum(each["embedded"] for each in first) == embedded(set(), old)

    said = ingest(penstock, key, folder / "new" / "src", "--prune")
    second = ended(penstock)[len(first) :]
    known = {one.sha256 for chunks in old.values() for one in chunks}
    expected = embedded(known, new)
    assert 0 < expected < sum(len(chunks) for chunks in new.values())
    assert sum(each["embedded"] for each in second) == expected

    gone = old.keys() - new.keys()
    assert f"{len(gone):,} deleted" in said
    with penstock.client(key) as client:
        listed: Any = client.get(
            f"/vector_stores/{STORE}/documents", cast_to=object, options={"params": {"limit": 1000}}
        )
        assert {entry["id"]: entry["chunks"] for entry in listed["data"]} == {
            name: len(chunks) for name, chunks in new.items()
        }
        for name in sorted(gone):
            text = max((one.text for one in old[name]), key=len)[:2000]
            hits = client.vector_stores.search(STORE, query=text, max_num_results=50).data
            assert name not in {hit.filename for hit in hits}


def test_the_same_tree_again_sends_nothing(penstock: Penstock) -> None:
    folder = shared_data("rust_book") / "new" / "src"
    key = penstock.create_key(TENANT)
    ingest(penstock, key, folder)
    before = len(ended(penstock))
    assert ", 0 indexed, 0 failed" in ingest(penstock, key, folder)
    assert len(ended(penstock)) == before
