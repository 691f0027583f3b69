"""Files: stored with their bytes, listed in pages, replaced, deleted, and nobody else's."""

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from contracts.errors import ErrorCode, PenstockError
from infra.index.files import DOCUMENT, FileContents, Files, NewFile, document_file_id
from infra.index.paging import Paging
from tests.support.index import OTHER, TENANT, sha


@pytest.fixture
def files(engine: AsyncEngine) -> Files:
    return Files(engine)


def file(file_id: str, content: str = "text", purpose: str = "assistants") -> NewFile:
    return NewFile(file_id, f"{file_id}.txt", purpose, "text/plain", content.encode())


async def put_in_turn(files: Files, *ids: str) -> None:
    for file_id in ids:
        await files.put(TENANT, [file(file_id)])


async def ids(files: Files, paging: Paging, purpose: str | None = None) -> list[str]:
    return [each.id for each in (await files.list(TENANT, paging, purpose))[0]]


async def test_what_was_put_is_there_byte_for_byte(files: Files):
    every_byte = NewFile("f", "all.bin", "assistants", None, bytes(range(256)) * 4096)
    (stored,) = await files.put(TENANT, [every_byte])
    assert (stored.id, stored.filename, stored.size, stored.media_type) == ("f", "all.bin", 1 << 20, None)
    assert await files.find(TENANT, "f") == stored
    assert await files.contents(TENANT, ["f", "gone"]) == {"f": FileContents("all.bin", None, every_byte.content)}
    assert list(await files.find_all(TENANT, ["gone", "f"])) == ["f"]
    assert await files.put(TENANT, []) == []


async def test_an_id_that_is_there_gets_the_new_content(files: Files):
    (first,) = await files.put(TENANT, [file("f", "old")])
    stored = await files.put(TENANT, [file("g"), file("f", "newer"), file("f", "newest")])
    assert [(each.id, each.sha256, each.size) for each in stored] == [("g", sha("text"), 4), ("f", sha("newest"), 6)]
    assert stored[1].created_at == first.created_at
    assert (await files.contents(TENANT, ["f"]))["f"].content == b"newest"


async def test_a_name_with_what_can_not_be_stored_is_stored_without_it(files: Files):
    (stored,) = await files.put(TENANT, [NewFile("f", "a\0b\ud800", "assistants", "text/\0", b"")])
    assert (stored.filename, stored.media_type) == ("a\ufffdb?", "text/\ufffd")


@pytest.mark.parametrize("file_id", ["a\0", "\ud800"])
async def test_an_id_that_can_not_be_stored_is_refused(files: Files, file_id: str):
    for attempt in (files.put(TENANT, [NewFile(file_id, "", "assistants", None, b"")]), files.find(TENANT, file_id)):
        with pytest.raises(PenstockError) as raised:
            await attempt
        assert raised.value.code == ErrorCode.INVALID_REQUEST


async def test_a_list_goes_in_pages_in_both_directions(files: Files):
    await put_in_turn(files, "a", "b", "c", "d", "e")
    assert await ids(files, Paging()) == ["e", "d", "c", "b", "a"]
    assert await ids(files, Paging(2)) == ["e", "d"]
    assert await ids(files, Paging(2, after="d")) == ["c", "b"]
    assert await ids(files, Paging(2, "asc", after="b")) == ["c", "d"]
    assert await ids(files, Paging(2, "asc", before="d")) == ["b", "c"]
    assert await ids(files, Paging(9, "desc", after="e", before="b")) == ["d", "c"]
    assert [(await files.list(TENANT, Paging(2, after=cursor)))[1] for cursor in ("d", "c")] == [True, False]


@pytest.mark.parametrize("name", ["after", "before"])
async def test_a_cursor_that_is_no_entry_is_refused(files: Files, name: str):
    await files.put(OTHER, [file("theirs")])
    for cursor in ("none", "theirs", "'; --"):
        with pytest.raises(PenstockError) as raised:
            await files.list(TENANT, Paging(**{name: cursor}))  # type: ignore[arg-type]
        assert (raised.value.code, raised.value.param) == (ErrorCode.INVALID_REQUEST, name)


async def test_the_content_of_documents_is_listed_only_where_it_is_asked_for(files: Files):
    await files.put(TENANT, [file("f"), file("of-a-document", purpose=DOCUMENT), file("g", purpose="batch")])
    assert set(await ids(files, Paging())) == {"f", "g"}
    assert await ids(files, Paging(), DOCUMENT) == ["of-a-document"]
    assert await ids(files, Paging(), "nothing") == []


async def test_what_is_deleted_is_gone_with_its_bytes(files: Files):
    await files.put(TENANT, [file("f")])
    await files.delete(TENANT, "f")
    assert await files.contents(TENANT, ["f"]) == {}
    for attempt in (files.delete(TENANT, "f"), files.find(TENANT, "f")):
        with pytest.raises(PenstockError, match="the file 'f' does not exist"):
            await attempt


async def test_nobody_sees_replaces_or_deletes_another_tenant_s(files: Files):
    await files.put(TENANT, [file("f", "secret")])
    await files.put(OTHER, [file("f", "theirs")])
    assert (await files.contents(TENANT, ["f"]))["f"].content == b"secret"
    await files.delete(OTHER, "f")
    assert (await files.find(TENANT, "f")).sha256 == sha("secret")
    assert (await files.list(OTHER, Paging()))[0] == []


def test_the_file_of_a_document_has_an_id_of_its_own():
    made = document_file_id("acme", "vs_1", "a/b.md")
    assert made == document_file_id("acme", "vs_1", "a/b.md")
    assert len({made, document_file_id("acme", "vs_1a", "/b.md"), document_file_id("evil", "vs_1", "a/b.md")}) == 3
    assert made.startswith("file-")
    assert len(made) == 29
