"""Documents: which content is wanted, what becomes of it, what changes without a new vector, what is deleted."""

import asyncio
from datetime import UTC, datetime

import pytest

from contracts.errors import ErrorCode, PenstockError
from infra.index.documents import Behind, DocumentStatus, Submission
from tests.support.database import Database
from tests.support.index import SPEC, STORE, TENANT, Index, counts, document_chunks, sha, stored_chunks, texts_of


async def test_a_submission_that_comes_late_does_not_undo_a_newer_one(index: Index, database: Database):
    submitted = datetime(2026, 1, 2, tzinfo=UTC)
    old, new = document_chunks("d", "old"), document_chunks("d", "new")
    assert await index.register(new, {"v": 2}, submitted_at=submitted) == {"d"}
    assert await index.register(old, {"v": 1}, submitted_at=datetime(2026, 1, 1, tzinfo=UTC)) == set()
    assert await index.register(new, {"v": 2}, submitted_at=submitted) == {"d"}
    assert await database.rows("SELECT sha256, attributes FROM documents") == [
        {"sha256": sha("new"), "attributes": {"v": 2}}
    ]


async def test_a_document_knows_the_file_of_its_newest_content(index: Index, database: Database):
    for file_id in ("file-1", "file-2"):
        await index.register(document_chunks("d", file_id), file_id=file_id)
    assert await database.rows("SELECT file_id FROM documents") == [{"file_id": "file-2"}]


async def test_of_one_document_twice_in_a_batch_the_newest_submission_counts(index: Index):
    at = [datetime(2026, 1, day, tzinfo=UTC) for day in (2, 1)]
    twice = [Submission("d", f"{day}.txt", {}, sha(str(day)), day) for day in at]
    assert await index.documents.register(TENANT, STORE, twice) == {"d"}
    assert await index.documents.behind(index.version) == [Behind("d", sha(str(at[0])), None)]
    assert await index.documents.register(TENANT, STORE, []) == set()


async def test_a_deleted_document_is_gone_from_every_version_and_does_not_come_back(index: Index, database: Database):
    document = document_chunks("d", "some text")
    after = await index.versions.create(TENANT, STORE, SPEC)
    await index.add("d", "some text")
    await index.write(document, version=after)
    await index.versions.switch(TENANT, after.id)
    assert await index.documents.delete(TENANT, STORE, ["d", "never was"]) == 1
    for version in (index.version, after):
        assert (await index.current(version)).chunks == 0
        assert (await index.write(document, version=version)).left_out == ("d",)
    assert not await index.with_word("text")
    assert not await database.rows("SELECT 1 FROM document_states UNION SELECT 1 FROM documents")
    assert await index.documents.delete(TENANT, STORE, ["d"]) == 0


async def test_a_delete_and_a_write_at_once_leave_nothing_half_there(index: Index, database: Database):
    for number in range(10):
        document = document_chunks(f"d{number}", f"text number {number}")
        await index.register(document)
        await asyncio.gather(
            index.write(document), index.documents.delete(TENANT, STORE, [f"d{number}"]), index.write(document)
        )
    assert await counts(index) == (0, 0, (await index.current()).posted)
    assert not await stored_chunks(index, database)
    assert not await database.rows("SELECT 1 FROM document_states")


async def test_attributes_and_names_change_without_a_new_vector(index: Index, database: Database):
    await index.add("d", "text", attributes={"draft": True})
    rows = f"SELECT xmin::text, id FROM chunks_{index.version.id}"
    before = await database.rows(rows)
    await index.documents.set_attributes(TENANT, STORE, "d", {"draft": False, "n": 1.5})
    await index.documents.rename(TENANT, STORE, "d", "final.txt")
    (found,) = await index.nearest("text")
    assert (found.filename, found.attributes) == ("final.txt", {"draft": False, "n": 1.5})
    assert await database.rows(rows) == before
    for attempt in (
        index.documents.rename(TENANT, STORE, "no", "x"),
        index.documents.set_attributes(TENANT, STORE, "no", {}),
    ):
        with pytest.raises(PenstockError, match="the document 'no' does not exist"):
            await attempt


@pytest.mark.parametrize("value", ["\0", "\ud800", float("nan"), float("inf")])
async def test_an_attribute_that_can_not_be_stored_is_refused(index: Index, value: str | float):
    for attributes in ({"a": value}, {str(value): 1} if isinstance(value, str) else {"b": value}):
        with pytest.raises(PenstockError) as raised:
            await index.register(document_chunks("d", "text"), attributes)
        assert raised.value.code == ErrorCode.INVALID_REQUEST


async def test_a_document_s_id_is_kept_as_it_is_or_refused(index: Index):
    with pytest.raises(PenstockError, match="a document's id"):
        await index.register(document_chunks("d\0", "text"))


async def test_a_failure_is_noted_and_the_old_content_stays(index: Index, database: Database):
    await index.add("d", "old")
    new = document_chunks("d", "new")
    await index.register(new)
    mark = index.documents.mark
    assert await mark(index.version, "d", new.sha256, DocumentStatus.IN_PROGRESS, message_id="m")
    error = ("unsupported_file", "no text in it")
    assert await mark(index.version, "d", new.sha256, DocumentStatus.FAILED, error=error)
    (state,) = await database.rows("SELECT * FROM document_states")
    assert (state["status"], state["error_code"], state["error_message"]) == ("failed", *error)
    assert state["sha256"] == sha("old")
    assert texts_of(await index.nearest("x")) == ["old"]
    assert await index.documents.behind(index.version) == [Behind("d", sha("new"), "failed")]
    await index.write(new)
    (state,) = await database.rows("SELECT * FROM document_states")
    assert (state["status"], state["error_code"], state["sha256"]) == ("completed", None, sha("new"))
    assert not await index.documents.behind(index.version)


async def test_what_a_late_message_says_of_other_content_is_not_noted(index: Index, database: Database):
    await index.add("d", "new")
    mark = index.documents.mark
    assert not await mark(index.version, "d", sha("old"), DocumentStatus.FAILED)
    assert not await mark(index.version, "d", sha("new"), DocumentStatus.IN_PROGRESS)
    assert not await mark(index.version, "gone", sha("new"), DocumentStatus.IN_PROGRESS)
    assert [row["status"] for row in await database.rows("SELECT status FROM document_states")] == ["completed"]


async def test_what_a_new_version_lacks_is_listed_in_pages(index: Index):
    for number in range(5):
        await index.add(f"d{number}", f"text {number}")
    after = await index.versions.create(TENANT, STORE, SPEC)
    await index.write(document_chunks("d1", "text 1"), version=after)
    page = await index.documents.behind(after, limit=2)
    assert [each.document_id for each in page] == ["d0", "d2"]
    assert page[0] == Behind("d0", sha("text 0"), None)
    rest = await index.documents.behind(after, after=page[-1].document_id)
    assert [each.document_id for each in rest] == ["d3", "d4"]
    assert not await index.documents.behind(index.version)
