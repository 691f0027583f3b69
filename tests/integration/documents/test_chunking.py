"""Submissions become chunks, one message for each index version that doesn't hold the content yet."""

import asyncio
import base64
from dataclasses import replace

from contracts.documents import DocumentFailed, DocumentIndexed
from contracts.registry import template_of
from infra.claims import LARGEST_BODY
from infra.index.files import Files, NewFile, document_file_id
from infra.index.store_documents import StoreDocuments
from infra.index.versions import IndexVersions
from infra.streams import CHUNKED, CLAIMS, ENDED, LOCAL_POOL, REQUESTED, SUBMITTED
from infra.telemetry import names
from ingestion.hashes import submission_sha, text_sha
from tests.support.database import Database
from tests.support.documents import SPEC, Flow
from tests.support.files import docx, encrypted_pdf, pdf, pptx
from tests.support.pipeline import TENANT
from tests.support.spans import SpanCollector
from tests.support.waiting import eventually
from tests.support.workers import StartWorkers

KINDS: dict[str, tuple[bytes, str | None, int | None]] = {
    "notes.txt": (b"Plain words.", None, None),
    "guide.md": (b"# Guide\n\n## Setup\n\nInstall it.", "Guide", None),
    "tool.py": (b"def tool():\n    return 1\n", None, None),
    "page.html": (b"<h1>Page</h1><p>Of a site.</p>", "Page", None),
    "paper.pdf": (pdf(["First page.", "Second page."]), None, 1),
    "letter.docx": (docx([("Heading1", "Letter"), ("", "Dear reader.")]), "Letter", None),
    "talk.pptx": (pptx([("Talk", "A slide.")]), "Talk", 1),
}
"""Files by their names: what is in them, and the heading and page of their only chunk."""
UNPARSABLE = {
    "locked.pdf": (encrypted_pdf(), "encrypted"),
    "broken.docx": (b"no zip at all", "corrupt"),
    "empty.txt": (b" \n ", "empty"),
    "program.exe": (b"MZ\0\0", "unsupported_type"),
}


def in_base64(content: bytes) -> str:
    return base64.b64encode(content).decode()


async def test_each_kind_of_file_becomes_chunks_with_their_places(flow: Flow, workers: StartWorkers) -> None:
    version = await flow.built_store()
    given = {await flow.submit(name, filename=name, content=in_base64(KINDS[name][0])): name for name in KINDS}
    async with workers("chunking"):
        for submission_id, name in given.items():
            content, heading, page = KINDS[name]
            (chunked,) = await flow.outcome(submission_id)
            assert (chunked.store_id, chunked.document_id, chunked.version) == (version.store_id, name, version.id)
            assert (chunked.model, chunked.revision, chunked.dimension) == ("wordllama", "1", 16)
            assert chunked.sha256 == submission_sha(name, None, content)
            (chunk,) = chunked.chunks
            assert (chunk.heading, chunk.page, chunk.sha256) == (heading, page, text_sha(chunk.text))


async def test_a_file_that_cant_be_parsed_fails_alone_and_says_why(
    flow: Flow, workers: StartWorkers, database: Database
) -> None:
    version = await flow.built_store()
    bad = {
        await flow.submit(name, filename=name, content=in_base64(content)): (name, code)
        for name, (content, code) in UNPARSABLE.items()
    }
    good = await flow.submit("good.txt")
    async with workers("chunking"):
        await flow.outcome(good)
        for submission_id, (name, code) in bad.items():
            (failed,) = await flow.outcome(submission_id)
            assert isinstance(failed, DocumentFailed)
            assert (failed.document_id, failed.version, failed.error.code) == (name, version.id, code)
            assert failed.error.message
        await flow.settled()
    assert await flow.states(database) == {name: ("failed", code) for name, code in bad.values()}
    assert not await flow.pipeline.dead_letters()


async def test_a_store_gets_its_first_version_with_its_first_document(flow: Flow, workers: StartWorkers) -> None:
    store = await flow.store(chunk_tokens=64, chunk_overlap=8)
    async with workers("chunking"):
        (chunked,) = await flow.outcome(await flow.submit("a"))
    live = await IndexVersions(flow.engine).live(TENANT, store.id)
    assert (chunked.version, chunked.model, chunked.revision) == (live.id, "wordllama", live.revision)
    assert live.chunker == {"tokens": 64, "overlap": 8, "tokenizer": "cl100k_base"}
    (message,) = await flow.pipeline.stored(CHUNKED)
    assert message.subject == f"penstock.v1.documents.chunked.batch.{LOCAL_POOL}"


async def test_a_document_whose_embedding_model_isnt_there_has_failed_and_can_be_submitted_again(
    flow: Flow, workers: StartWorkers
) -> None:
    store = await flow.store(embedding_model="gone")
    documents = StoreDocuments(flow.engine)
    async with workers("chunking"):
        (failed,) = await flow.outcome(await flow.submit("a"))
        assert (failed.version, failed.error.code) == (None, "invalid_request")
        found = await documents.find(TENANT, store.id, "a")
        assert (found.status, found.error_message) == ("failed", failed.error.message)
        assert "«gone» is neither built in nor in the catalogue" in failed.error.message
        await IndexVersions(flow.engine).ensure_live(TENANT, store.id, SPEC)
        await flow.outcome(await flow.submit("a"))
    assert (await documents.find(TENANT, store.id, "a")).status == "in_progress"
    assert not await flow.pipeline.dead_letters()


async def test_a_worker_that_stops_hands_back_what_waits_for_a_model_at_once(flow: Flow, workers: StartWorkers) -> None:
    await flow.pipeline.configure(drain_timeout=60)
    await flow.store(embedding_model="sim-embedding")
    async with workers("chunking") as running:
        await flow.submit("a")
        # Nobody answers how long the model's vectors are.
        await eventually(lambda: flow.pipeline.held(REQUESTED), within=15)
        async with asyncio.timeout(8):
            await running.stop()
    assert await flow.pipeline.held(SUBMITTED) == 1
    assert not await flow.pipeline.stored(ENDED)


async def test_what_comes_again_unchanged_is_not_chunked_again_and_is_under_its_new_name(
    flow: Flow, workers: StartWorkers, database: Database
) -> None:
    version = await flow.built_store()
    async with workers("chunking"):
        (chunked,) = await flow.outcome(await flow.submit("a", filename="a.txt", attributes={"draft": True}))
        await flow.index(chunked)
        again = await flow.submit("a", filename="b.txt", attributes={"draft": False, "part": 2})
        (ended,) = await flow.outcome(again)
    assert (ended.version, ended.unchanged, ended.sha256) == (version.id, True, chunked.sha256)
    assert await database.rows("SELECT filename, attributes FROM documents") == [
        {"filename": "b.txt", "attributes": {"draft": False, "part": 2}}
    ]


async def test_changed_content_is_chunked_again_and_so_is_other_content_by_another_kind_of_name(
    flow: Flow, workers: StartWorkers
) -> None:
    await flow.built_store()
    async with workers("chunking"):
        (first,) = await flow.outcome(await flow.submit("a", filename="a.txt", text="# One"))
        await flow.index(first)
        (changed,) = await flow.outcome(await flow.submit("a", filename="a.txt", text="# Two"))
        await flow.index(changed)
        (as_markdown,) = await flow.outcome(await flow.submit("a", filename="a.md", text="# Two"))
    assert [each.chunks[0].text for each in (first, changed, as_markdown)] == ["# One", "# Two", "# Two"]
    assert as_markdown.chunks[0].heading == "Two"
    assert len({first.sha256, changed.sha256, as_markdown.sha256}) == 3


async def test_a_document_comes_into_every_version_that_is_live_or_building(flow: Flow, workers: StartWorkers) -> None:
    live = await flow.built_store()
    building = await IndexVersions(flow.engine).create(
        TENANT, live.store_id, replace(SPEC, chunker={"tokens": 8, "overlap": 0})
    )
    text = "One sentence of some length is here. And another one comes after it. The third is the last."
    async with workers("chunking"):
        first = await flow.submit("a", text=text)
        old, new = await flow.outcome(first, 2)
        assert (old.version, new.version) == (live.id, building.id)
        assert len(old.chunks) == 1 < len(new.chunks)
        await flow.index(old)
        said = await flow.outcome(await flow.submit("a", text=text), 2)
    assert {each.version: isinstance(each, DocumentIndexed) for each in said} == {live.id: True, building.id: False}


async def test_a_version_alone_gets_what_the_store_has_of_a_document(flow: Flow, workers: StartWorkers) -> None:
    live = await flow.built_store()
    async with workers("chunking"):
        (chunked,) = await flow.outcome(await flow.submit("a.md", filename="a.md", text="# A\n\nText."))
        await flow.index(chunked)
        building = await IndexVersions(flow.engine).create(TENANT, live.store_id, SPEC)
        (again,) = await flow.outcome(await flow.submit("a.md", only_version=building.id))
        assert again == chunked.model_copy(update={"version": building.id, "submission_id": again.submission_id})
        await flow.index(again)
        (held,) = await flow.outcome(await flow.submit("a.md", only_version=building.id))
        assert (held.version, held.unchanged) == (building.id, True)
        for gone in ({"only_version": building.id + 1}, {"only_version": building.id, "document_id": "never was"}):
            (ended,) = await flow.outcome(await flow.submit(**{"document_id": "a.md", **gone}))
            assert ended.superseded


async def test_a_document_that_is_deleted_is_gone_with_its_content_and_stays_gone(
    flow: Flow, workers: StartWorkers, database: Database
) -> None:
    version = await flow.built_store()
    before, noon, after = (f"2026-05-01T{hour}:00:00Z" for hour in ("11", "12", "13"))
    async with workers("chunking"):
        (chunked,) = await flow.outcome(await flow.submit("a", submitted_at=before))
        await flow.index(chunked)
        assert (await database.rows("SELECT id FROM files")) == [
            {"id": document_file_id(TENANT, version.store_id, "a")}
        ]
        (deleted,) = await flow.outcome(await flow.submit("a", deleted=True, submitted_at=noon))
        assert (deleted.deleted, deleted.version) == (True, None)
        tables = "SELECT id FROM documents UNION SELECT document_id FROM document_states UNION SELECT id FROM files"
        assert not await database.rows(tables)
        assert (await IndexVersions(flow.engine).find(TENANT, version.id)).chunks == 0
        (late,) = await flow.outcome(await flow.submit("a", submitted_at=before))
        assert late.superseded
        assert not await database.rows("SELECT id FROM documents")
        (anew,) = await flow.outcome(await flow.submit("a", submitted_at=after))
        assert anew.chunks
        (too_late,) = await flow.outcome(await flow.submit("a", deleted=True, submitted_at=noon))
        assert (too_late.deleted, too_late.superseded) == (False, True)
        assert await database.rows("SELECT id FROM documents")


async def test_of_submissions_that_come_in_any_order_the_newest_counts(
    flow: Flow, workers: StartWorkers, database: Database
) -> None:
    version = await flow.built_store()
    times = {13: "the newest", 11: "the oldest", 12: "one between"}
    given = {
        hour: await flow.submit("a", filename="a.txt", text=text, submitted_at=f"2026-05-01T{hour}:00:00Z")
        for hour, text in times.items()
    }
    async with workers("chunking"):
        (newest,) = await flow.outcome(given[13])
        for hour in (11, 12):
            (ended,) = await flow.outcome(given[hour])
            assert ended.superseded
    assert newest.chunks[0].text == "the newest"
    file_id = document_file_id(TENANT, version.store_id, "a")
    assert (await Files(flow.engine).contents(TENANT, [file_id]))[file_id].content == b"the newest"
    assert (await database.rows("SELECT encode(sha256, 'hex') AS sha FROM documents")) == [{"sha": newest.sha256}]


async def test_a_store_or_a_file_that_isnt_there_is_a_failed_document(
    flow: Flow, workers: StartWorkers, database: Database
) -> None:
    version = await flow.built_store()
    async with workers("chunking"):
        for fields in ({"store": "nowhere"}, {"file_id": "file-gone"}):
            (failed,) = await flow.outcome(await flow.submit("a", **fields))
            assert isinstance(failed, DocumentFailed)
            assert (failed.document_id, failed.version, failed.error.code) == ("a", None, "not_found")
        await Files(flow.engine).put(TENANT, [NewFile("file-1", "a.txt", "assistants", None, b"Some text.")])
        (chunked,) = await flow.outcome(await flow.submit("a", file_id="file-1"))
        await Files(flow.engine).delete(TENANT, "file-1")
        (failed,) = await flow.outcome(await flow.submit("a", file_id="file-1"))
    assert (failed.error.code, chunked.version) == ("not_found", version.id)
    assert await flow.states(database) == {"a": ("failed", "not_found")}


async def test_what_failed_can_be_submitted_again_with_the_same_content_and_is_done_where_the_old_one_is_back(
    flow: Flow, workers: StartWorkers, database: Database
) -> None:
    await flow.built_store()
    bad = {"filename": "a.pdf", "content": in_base64(encrypted_pdf())}
    async with workers("chunking"):
        (good,) = await flow.outcome(await flow.submit("a", filename="a.txt", text="Good."))
        await flow.index(good)
        for _ in range(2):
            (failed,) = await flow.outcome(await flow.submit("a", **bad))
            assert failed.error.code == "encrypted"
            assert await flow.states(database) == {"a": ("failed", "encrypted")}
        (ended,) = await flow.outcome(await flow.submit("a", filename="a.txt", text="Good."))
    assert ended.unchanged
    assert await flow.states(database) == {"a": ("completed", None)}


async def test_a_large_document_travels_by_claim_check(flow: Flow, workers: StartWorkers) -> None:
    await flow.built_store()
    text = "\n\n".join(f"Paragraph {number} of a long document." for number in range(LARGEST_BODY // 12))
    await Files(flow.engine).put(TENANT, [NewFile("file-1", "long.txt", "assistants", None, text.encode())])
    async with workers("chunking"):
        (chunked,) = await flow.outcome(await flow.submit("long", file_id="file-1"))
        await flow.settled()
    (message,) = await flow.pipeline.stored(CHUNKED)
    assert message.body == b""
    assert " ".join(each.text for each in chunked.chunks).split() == text.split()
    assert (await flow.pipeline.held(f"OBJ_{CLAIMS}")) > len(text) // (128 * 1024)


async def test_a_submission_by_claim_check_is_given_back_once_it_is_settled(flow: Flow, workers: StartWorkers) -> None:
    await flow.built_store()
    submission_id = await flow.submit_by_claim("long", text="Words of a long text. " * (LARGEST_BODY // 20))
    async with workers("chunking"):
        (chunked,) = await flow.outcome(submission_id)
        await flow.settled()
    assert sum(len(each.text) for each in chunked.chunks) > LARGEST_BODY
    claims = [each.subject for each in await flow.pipeline.stored(f"OBJ_{CLAIMS}", f"$O.{CLAIMS}.M.>")]
    assert len(claims) == 2, "one that was given back, and that of what is to be embedded"


async def test_the_span_says_which_document_became_what_and_nothing_that_is_in_it(
    span_collector: SpanCollector, flow: Flow, workers: StartWorkers
) -> None:
    version = await flow.built_store()
    async with workers("chunking"):
        await flow.outcome(await flow.submit("private/plan.md", filename="plan.md", text="# Secret\n\nplan"))
        span = await span_collector.one(f"process {template_of('documents.submitted')}")
    known = {names.STORE: version.store_id, names.DOCUMENT_KIND: "markdown", names.CHUNKS: 1, names.VERSIONS: 1}
    assert span.attributes.items() >= known.items()
    assert not [value for value in span.attributes.values() if "plan" in str(value) or "Secret" in str(value)]
