"""A submission's message, and what the index has to know of it."""

from datetime import UTC, datetime
from typing import Any

import orjson
import pytest

from contracts.documents import DocumentChunked, DocumentSubmitted
from contracts.errors import ContractError
from infra.index.files import FileContents
from infra.index.places import Wanted
from infra.index.version import IndexVersion
from ingestion.hashes import submission_sha
from workers.chunking.cutting import is_plain, parse_and_cut
from workers.chunking.submission import (
    About,
    about_of,
    arrival_of,
    given_by_file,
    given_inline,
    read_submission,
)

STORED_AT = 1_767_225_600.5


def submission(**fields: Any) -> DocumentSubmitted:
    content = {} if fields.keys() & {"content", "file_id", "deleted", "only_version"} else {"text": "Text."}
    named = {"submission_id": "s-1", "store": "docs", "document_id": "a"}
    return read_submission(orjson.dumps({**named, **content, **fields}), "s-1")


@pytest.mark.parametrize(
    ("fields", "place"),
    [
        ({"content": "aGk=", "text": "Two."}, ""),
        ({"deleted": True, "text": "None."}, ""),
        ({"content": "a"}, "content"),
        ({"attributes": {"a": [1]}}, "attributes"),
        ({"attributes": {str(number): 1 for number in range(17)}}, "attributes"),
        ({"submitted_at": "2026-01-01T00:00:00"}, "submitted_at"),
        ({"document_id": ""}, "document_id"),
        ({"submission_id": "a.b >"}, "submission_id"),
        ({"submission_id": "another"}, "submission_id"),
    ],
)
def test_what_is_no_submission_is_refused_with_the_place(fields: dict[str, Any], place: str) -> None:
    with pytest.raises(ContractError) as raised:
        submission(**fields)
    assert (raised.value.param or "").startswith(place)


@pytest.mark.parametrize(
    ("fields", "about"),
    [
        ({"document_id": "a", "store": "docs"}, About("s-1", "docs", "a")),
        ({"document_id": "a", "store": 5}, About("s-1", "", "a")),
        ({"document_id": "a" * 513}, None),
        ({"document_id": ""}, None),
        ({"document_id": ["a"]}, None),
        ({}, None),
    ],
)
def test_of_a_body_that_is_no_submission_the_document_may_still_be_known(
    fields: dict[str, Any], about: About | None
) -> None:
    assert about_of(fields, "s-1") == about


def test_content_is_hashed_as_whoever_submits_it_does() -> None:
    inline = given_inline(submission(filename="a.md", text="# Hé"))
    assert inline is not None
    assert (inline.content, inline.file_id) == ("# Hé".encode(), None)
    assert inline.sha256.hex() == submission_sha("a.md", None, "# Hé".encode())
    in_base64 = given_inline(submission(content="SGk=", media_type="text/html"))
    assert in_base64 is not None
    assert in_base64.sha256.hex() == submission_sha("", "text/html", b"Hi")
    assert given_inline(submission(deleted=True)) is None


@pytest.mark.parametrize(("called", "name"), [("", "file.txt"), ("own.md", "own.md")])
def test_a_file_is_called_in_a_store_as_it_is_submitted_and_is_of_its_own_type(called: str, name: str) -> None:
    file = FileContents("file.txt", "text/plain", b"Hi")
    given = given_by_file(submission(file_id="file-1", filename=called, media_type="text/html"), "file-1", file)
    assert (given.filename, given.media_type, given.file_id) == (name, "text/plain", "file-1")
    assert given.sha256.hex() == submission_sha(name, "text/plain", b"Hi")


def test_a_submission_is_from_when_it_says_or_else_from_when_it_was_stored() -> None:
    said = submission(submitted_at="2026-05-01T14:00:00+02:00")
    assert arrival_of(said, None, STORED_AT).submitted_at == datetime(2026, 5, 1, 12, tzinfo=UTC)
    assert arrival_of(submission(), None, STORED_AT).submitted_at.timestamp() == STORED_AT


def test_to_delete_is_to_delete_whatever_version_is_named() -> None:
    assert arrival_of(submission(only_version=3), None, STORED_AT).only_version == 3
    assert arrival_of(submission(deleted=True, only_version=3), None, STORED_AT).only_version is None


def version(number: int, tokens: int) -> IndexVersion:
    fields: dict[str, Any] = dict.fromkeys(IndexVersion.__slots__)
    chunker = {"tokens": tokens, "overlap": 0, "tokenizer": "cl100k_base"}
    made = {"id": number, "model": "m", "revision": "1", "dimension": 4, "chunker": chunker}
    return IndexVersion(**{**fields, **made})


def test_a_document_is_cut_for_each_version_as_its_chunker_says() -> None:
    wanted = Wanted(b"\1" * 32, "a.md", None, None)
    content = b"# A\n\n" + b"Words of a sentence. " * 20
    parsed, cuts = parse_and_cut(content, wanted, About("s-1", "vs_1", "a"), [version(1, 512), version(2, 16)])
    assert parsed.kind == "markdown"
    messages = [DocumentChunked.model_validate_json(cut.body) for cut in cuts]
    assert [(each.version, len(each.chunks)) for each in messages] == [(cut.version.id, cut.chunks) for cut in cuts]
    assert cuts[0].chunks == 1 < cuts[1].chunks
    for each in messages:
        assert (each.document_id, each.sha256, each.model) == ("a", (b"\1" * 32).hex(), "m")
        assert [parsed.text[chunk.start : chunk.end] for chunk in each.chunks] == [chunk.text for chunk in each.chunks]


@pytest.mark.parametrize(
    ("name", "content", "plain"),
    [("a.md", b"", True), ("a.pdf", b"", False), ("a", b"%PDF-", False), ("a.bin", b"\0", True), ("a", b"x", True)],
)
def test_only_what_a_parser_reads_goes_to_one(name: str, content: bytes, plain: bool) -> None:
    assert is_plain(name, None, content) is plain
