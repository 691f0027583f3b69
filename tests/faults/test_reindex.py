"""Every worker is killed at once in the middle of a re-index, twice: nothing is lost or doubled, no search is wrong."""

import asyncio
import json
import signal
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import cycle
from typing import Any

import aiohttp
import psycopg
import pytest
from nats.aio.client import Client
from psycopg.sql import SQL, Identifier

from ingestion.chunking import ChunkerSettings, chunk
from ingestion.parsing import parse
from tests.faults.books import settled
from tests.faults.instance import WORKERS, Instance
from tests.faults.wire import ROOT, TENANT, in_hand
from tests.support.reindexed_docs import text_of, word_of
from tests.support.waiting import eventually

NAMES = [f"docs/{number:03}.md" for number in range(300)]
TOKENS = 64


@dataclass
class Searches:
    """What callers were told: `right`, how often the document they looked for; `refused` with a 503 that says when to
    come again; and whatever else.
    """

    right: int = 0
    refused: int = 0
    wrong: list[str] = field(default_factory=list)


class Store:
    """A vector store of `NAMES` over HTTP."""

    def __init__(self, http: aiohttp.ClientSession, instance: Instance, store_id: str) -> None:
        self._http = http
        self._instance = instance
        self.path = f"/v1/vector_stores/{store_id}"

    async def post(self, path: str, **body: Any) -> Any:
        async with self._http.post(f"{self.path}/{path}", json=body) as response:
            assert response.ok, await response.text()
            return await response.json()

    async def get(self, path: str = "") -> Any:
        async with self._http.get(f"{self.path}{path}") as response:
            assert response.ok, await response.text()
            return await response.json()

    async def holds_all(self) -> bool:
        return bool((await self.get())["file_counts"]["completed"] == len(NAMES))

    async def indexed(self, version: int) -> int:
        """How many documents a version has."""
        query = "SELECT count(*) FROM document_states WHERE version_id = %s AND status = 'completed'"
        async with await psycopg.AsyncConnection.connect(self._instance.told["database"]) as connection:
            row = await (await connection.execute(query, (version,))).fetchone()
        return row[0] if row else 0

    async def chunks(self, version: int) -> Counter[tuple[str, int, str]]:
        """Document, place and text of every chunk in a version."""
        query = SQL("SELECT document_id, ordinal, text FROM {}").format(Identifier(f"chunks_{version:d}"))
        async with await psycopg.AsyncConnection.connect(self._instance.told["database"]) as connection:
            return Counter(await (await connection.execute(query)).fetchall())

    @asynccontextmanager
    async def searched(self) -> AsyncIterator[Searches]:
        """Callers search for one document after another while the body runs."""
        seen, stop = Searches(), asyncio.Event()

        async def search(names: list[str]) -> None:
            for name in cycle(names):
                if stop.is_set():
                    return
                await self._search(name, seen)
                await asyncio.sleep(0.02)

        callers = [asyncio.create_task(search(NAMES[first::2])) for first in range(2)]
        try:
            yield seen
        finally:
            stop.set()
            await asyncio.gather(*callers)

    async def _search(self, name: str, seen: Searches) -> None:
        asked = {"query": word_of(name), "mode": "text", "max_num_results": 3}
        async with self._http.post(f"{self.path}/search", json=asked) as response:
            said = await response.json()
            if response.status == 503 and int(response.headers.get("retry-after", 0)) >= 1:
                seen.refused += 1
            elif response.status == 200 and said["data"] and said["data"][0]["file_id"] == name:
                seen.right += 1
            else:
                seen.wrong.append(f"{name}: {response.status} {said}")


@pytest.fixture
async def store(instance: Instance, client: Client, http: aiohttp.ClientSession) -> Store:
    """It holds every document."""
    async with http.post("/v1/vector_stores", json={"name": "docs"}) as response:
        made = Store(http, instance, (await response.json())["id"])
    js = client.jetstream(timeout=5)
    for name in NAMES:
        submission = {
            "submission_id": f"first-{NAMES.index(name)}",
            "store": "docs",
            "document_id": name,
            "text": text_of(name),
        }
        await js.publish(f"{ROOT}.documents.submitted.batch.{TENANT}", json.dumps(submission).encode())
    await eventually(made.holds_all, within=60, what="the documents are not indexed")
    return made


async def test_every_worker_killed_in_the_middle_of_a_re_index_loses_and_doubles_nothing(
    instance: Instance, client: Client, store: Store
) -> None:
    async with store.searched() as seen:
        # Nothing gets into the index: documents are on all queues and in the hands of all workers.
        instance.send(signal.SIGSTOP, "worker-indexing")
        job = (await store.post("reindex", chunk_tokens=TOKENS))["id"]
        await in_hand(client, "DOCUMENTS_EMBEDDED", "indexing-batch", 50)
        await kill_all_workers(instance)
        # Nobody notes what gets into the index now.
        instance.send(signal.SIGSTOP, "worker-reindex")
        building = (await store.get(f"/reindex/{job}"))["version"]
        await eventually(lambda: store.indexed(building), within=60, what="nothing gets into the index")
        await kill_all_workers(instance)
        ended = await eventually(lambda: end_of(store, job), within=60, what="the re-index has not ended")
        before = seen.right
        await eventually(lambda: seen.right > before + 10, within=10, what="no search is answered any more")
    await settled(instance)

    assert (ended["state"], ended["done"], ended["failed"]) == ("completed", len(NAMES), 0), ended
    versions = [(version["id"], version["state"]) for version in (await store.get("/versions"))["data"]]
    assert [state for _, state in versions] == ["past", "live"]
    assert versions[1][0] == building
    assert await store.indexed(building) == len(NAMES)
    assert await store.chunks(building) == chunks_of(NAMES)
    assert seen.wrong == []


async def kill_all_workers(instance: Instance) -> None:
    """All in one moment; returns when each has been started again."""
    killed = instance.send(signal.SIGKILL, *WORKERS)
    for name, pid in zip(WORKERS, killed, strict=True):
        await instance.replaced(name, pid)


async def end_of(store: Store, job: str) -> Any:
    found = await store.get(f"/reindex/{job}")
    return found if found["state"] in ("completed", "refused", "cancelled", "failed") else None


def chunks_of(names: list[str]) -> Counter[tuple[str, int, str]]:
    """What a re-index without any interruption makes of them."""
    settings = ChunkerSettings(TOKENS)
    parsed = {name: parse(name, text_of(name).encode()) for name in names}
    return Counter((name, each.ordinal, each.text) for name in names for each in chunk(parsed[name], settings))
