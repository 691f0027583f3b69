"""An ingest from end to end against a store in memory: what it sends, watches, blames and deletes."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import httpx2
import openai
import pytest

from cli.ingest import watch
from cli.ingest.bulks import BULK_BYTES
from cli.ingest.remote import Remote
from cli.ingest.run import Ingest, Wanted
from cli.ingest.sources import find
from cli.ingest.tally import Tally
from ingestion.hashes import submission_sha

REQUEST = httpx2.Request("POST", "http://penstock/v1")


def refusal(status: int, message: str) -> openai.APIStatusError:
    return openai.APIStatusError(message, response=httpx2.Response(status, request=REQUEST), body={"message": message})


class FakeRemote:
    """A store that has indexed all by the second count; `bad` documents are refused, `broken` ones fail."""

    def __init__(self, *, bad: Sequence[str] = (), broken: Sequence[str] = ()) -> None:
        self.documents: dict[str, dict[str, Any]] = {}
        self.is_made, self.posts, self.uploads = False, list[list[str]](), dict[str, bytes]()
        self._bad, self._broken, self._looks = set(bad), set(broken), 0

    async def is_there(self) -> bool:
        return self.is_made

    async def make(self, settings: Mapping[str, Any]) -> None:
        self.is_made, self.settings = True, settings

    async def pages(self, after: str | None = None) -> AsyncIterator[list[dict[str, Any]]]:
        entries = sorted((each for each in self.documents.values()), key=lambda each: each["id"])
        left = [dict(each) for each in entries if after is None or each["id"] > after]
        for begin in range(0, max(1, len(left)), 2):
            yield left[begin : begin + 2]

    async def on_the_way(self) -> int:
        going = [each for each in self.documents.values() if each["status"] == "in_progress"]
        for each in going:
            each["status"] = "failed" if each["id"] in self._broken else "completed"
        return len(going)

    async def post(self, documents: Sequence[Mapping[str, Any]], lane: str) -> list[dict[str, Any]]:
        ids = [each["id"] for each in documents]
        self.posts.append(ids)
        if self._bad & set(ids):
            raise refusal(400, "attributes: too many")
        return [self._put(each) for each in documents]

    def _put(self, document: Mapping[str, Any]) -> dict[str, Any]:
        content = document["text"].encode() if "text" in document else self.uploads[document["file_id"]]
        entry = {
            "id": document["id"],
            "filename": document["filename"],
            "sha256": submission_sha(document["filename"], None, content),
            "status": "in_progress",
            "attributes": document.get("attributes", {}),
            "last_error": {"code": "corrupt", "message": "it is damaged"} if document["id"] in self._broken else None,
        }
        self.documents[document["id"]] = entry
        return dict(entry)

    async def upload(self, filename: str, content: bytes, media_type: str | None) -> str:
        self.uploads[f"file-{filename}"] = content
        return f"file-{filename}"

    async def delete(self, ids: Sequence[str]) -> int:
        return sum(self.documents.pop(each, None) is not None for each in ids)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch, "_LOOK_AGAIN", 0.001)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for number in range(7):
        (tmp_path / f"{number}.md").write_text(f"text {number}")
    return tmp_path


async def ingest(remote: FakeRemote, folder: Path, **wanted: Any) -> Tally:
    roots = [find(str(folder))]
    tally = Tally(total=len(roots[0]))
    async with asyncio.timeout(10):
        await Ingest(cast(Remote, remote), Wanted(roots, **wanted), tally).run()
    return tally


async def test_a_store_that_is_not_there_is_made(folder: Path):
    remote = FakeRemote()
    tally = await ingest(remote, folder, settings={"embedding_model": "wordllama"})
    assert remote.settings == {"embedding_model": "wordllama"}
    assert (tally.sent, tally.indexed, tally.failed, tally.pending) == (7, 7, 0, {})


async def test_a_second_run_sends_nothing(folder: Path):
    remote = FakeRemote()
    await ingest(remote, folder)
    remote.posts.clear()
    tally = await ingest(remote, folder)
    assert (remote.posts, tally.unchanged, tally.done) == ([], 7, 7)


async def test_a_document_that_fails_is_told_with_its_reason_and_sent_again_by_the_next_run(folder: Path):
    remote = FakeRemote(broken=["3.md"])
    tally = await ingest(remote, folder)
    assert (tally.indexed, tally.failures) == (6, {"3.md": "it is damaged"})
    remote.posts.clear()
    await ingest(remote, folder)
    assert remote.posts == [["3.md"]]


async def test_a_bulk_that_is_refused_is_halved_until_it_is_clear_which_document_is_to_blame(folder: Path):
    remote = FakeRemote(bad=["2.md"])
    tally = await ingest(remote, folder)
    assert tally.failures == {"2.md": "attributes: too many"}
    assert (tally.sent, tally.indexed) == (6, 6)


async def test_what_is_not_waited_for_is_on_its_way(folder: Path):
    tally = await ingest(FakeRemote(), folder, wait=False)
    assert (tally.sent, tally.indexed, len(tally.pending)) == (7, 0, 7)


async def test_a_large_file_is_uploaded_and_named(tmp_path: Path):
    (tmp_path / "large.txt").write_bytes(b"x" * (BULK_BYTES + 1))
    remote = FakeRemote()
    tally = await ingest(remote, tmp_path)
    assert (tally.indexed, len(remote.uploads["file-large.txt"])) == (1, BULK_BYTES + 1)


async def test_documents_whose_files_are_gone_are_deleted_when_that_is_asked_for(folder: Path):
    remote = FakeRemote()
    await ingest(remote, folder)
    remote.documents["file-1"] = {**remote.documents["1.md"], "id": "file-1"}
    (folder / "1.md").unlink()
    assert (await ingest(remote, folder)).deleted == 0
    assert (await ingest(remote, folder, prune=True)).deleted == 1
    assert remote.documents.keys() == {f"{number}.md" for number in (0, 2, 3, 4, 5, 6)} | {"file-1"}


async def test_what_the_platform_cannot_do_ends_it(folder: Path, monkeypatch: pytest.MonkeyPatch):
    remote = FakeRemote()

    async def refuse(*_: object) -> list[dict[str, Any]]:
        raise refusal(403, "this key may only search")

    monkeypatch.setattr(remote, "post", refuse)
    with pytest.raises(openai.APIStatusError, match="only search"):
        await ingest(remote, folder)


async def test_a_document_that_somebody_else_deletes_or_replaces_meanwhile_is_not_waited_for(folder: Path):
    remote = FakeRemote()
    put = remote._put

    def interfere(document: Any) -> dict[str, Any]:
        accepted = put(document)
        if document["id"] == "1.md":
            del remote.documents["1.md"]
        if document["id"] == "2.md":
            remote.documents["2.md"] |= {"sha256": "other", "status": "in_progress"}
        return accepted

    remote._put = interfere  # type: ignore[method-assign]
    tally = await ingest(remote, folder)
    assert (tally.indexed, tally.failures) == (6, {"1.md": "it was deleted meanwhile"})
