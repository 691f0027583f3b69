"""What is sent: only what the store has not, in requests of bounded size, text as text."""

import base64
import json
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cli.ingest.bulks import BULK_BYTES, MOST_DOCUMENTS, Known, Packer, Prepared, prepare
from cli.ingest.sources import Source
from cli.ingest.tally import Tally
from ingestion.hashes import submission_sha


def source(name: str, content: bytes | str = "text") -> Source:
    return Source(name, name, content.encode() if isinstance(content, str) else content)


def pack(
    sources: list[Source], known: Mapping[str, Known] | None = None, attributes: dict[str, str] | None = None
) -> tuple[list[list[Prepared]], Tally]:
    tally = Tally(total=len(sources))
    return list(Packer(known or {}, attributes or {}, tally).bulks(sources)), tally


def known(of: Source, status: str = "completed", **changed: object) -> dict[str, Known]:
    sha256 = submission_sha(of.filename, of.media_type, of.read())
    fields = {"filename": of.filename, "sha256": sha256, "status": status, "attributes": {}} | changed
    return {of.document_id: Known(**fields)}  # type: ignore[arg-type]


class TestWhatIsLeftOut:
    def test_a_document_that_is_the_same_is_not_sent(self):
        bulks, tally = pack([source("a.md")], known(source("a.md")))
        assert (bulks, tally.unchanged) == ([], 1)

    @pytest.mark.parametrize("status", ["failed", "in_progress", "cancelled"])
    def test_one_that_can_not_be_found_is_sent_again(self, status: str):
        bulks, tally = pack([source("a.md")], known(source("a.md"), status))
        assert ([each.id for bulk in bulks for each in bulk], tally.unchanged) == (["a.md"], 0)

    def test_one_that_has_changed_is_sent(self):
        bulks, _ = pack([source("a.md", "new")], known(source("a.md", "old")))
        assert bulks[0][0].body["text"] == "new"

    def test_one_with_another_name_or_other_attributes_is_sent(self):
        assert pack([source("a.md")], known(source("a.md"), filename="b.md"))[0]
        assert pack([source("a.md")], known(source("a.md"), attributes={"by": "Ada"}), {"by": "Bob"})[0]

    def test_attributes_that_were_given_elsewhere_stay_where_none_are_given_here(self):
        before = known(source("a.md"), attributes={"by": "Ada"})
        assert pack([source("a.md")], before)[1].unchanged == 1
        changed, _ = pack([source("a.md", "new")], before)
        assert changed[0][0].body["attributes"] == {"by": "Ada"}

    def test_a_file_that_can_not_be_read_is_a_failure_and_stops_nothing(self, tmp_path: Path):
        bulks, tally = pack([Source("gone.md", "gone.md", tmp_path / "gone.md"), source("a.md")])
        assert [each.id for bulk in bulks for each in bulk] == ["a.md"]
        assert tally.failures == {"gone.md": "it can't be read: No such file or directory"}

    def test_what_is_named_twice_counts_once(self):
        bulks, tally = pack([source("a.md"), source("a.md")])
        assert ([each.id for bulk in bulks for each in bulk], tally.total) == (["a.md"], 1)

    def test_a_name_that_is_no_id_is_a_failure(self):
        _, tally = pack([source("x" * 513), source("a\udcff.md")])
        assert [reason.split(" ")[1] for reason in tally.failures.values()] == ["path", "name"]


class TestBulks:
    def test_no_bulk_has_too_many_documents(self):
        bulks, _ = pack([source(f"{number}.md") for number in range(MOST_DOCUMENTS * 2 + 1)])
        assert [len(bulk) for bulk in bulks] == [MOST_DOCUMENTS, MOST_DOCUMENTS, 1]

    @given(st.lists(st.text(alphabet='a"\\\n\x01é🦀', max_size=300), min_size=1, max_size=8), st.integers(1, 4000))
    def test_no_bulk_is_larger_than_it_was_reckoned(self, texts: list[str], times: int):
        bulks, _ = pack([source(f"{number}.md", text * times) for number, text in enumerate(texts)])
        for bulk in bulks:
            bodies = [each.body for each in bulk]
            written = len(json.dumps(bodies, ensure_ascii=False, separators=(",", ":")).encode())
            assert written <= sum(each.size for each in bulk) + 2 * len(bulk) + 2
            assert len(bulk) == 1 or sum(each.size for each in bulk) <= BULK_BYTES

    def test_a_large_file_goes_ahead_by_itself(self):
        large = b"x" * (BULK_BYTES + 1)
        (prepared,) = pack([source("large.txt", large)])[0][0]
        assert prepared.upload == large
        assert not {"text", "content"} & prepared.body.keys()


class TestBodies:
    def test_text_is_sent_as_text_to_the_byte(self):
        content = "\ufeffa\r\nb é 🦀".encode()
        assert str(prepare(source("a.md", content), content, {}).body["text"]).encode() == content

    @pytest.mark.parametrize("content", [b"\xff\xfe", b"a\0b", b"%PDF-1.4\n\xe2\xe3"])
    def test_what_is_no_text_is_sent_in_base64(self, content: bytes):
        body = prepare(source("a.pdf", content), content, {}).body
        assert base64.b64decode(body["content"]) == content
        assert "text" not in body

    def test_name_type_and_attributes_go_with_it(self):
        prepared = prepare(Source("a", "a.md", b"x", "text/markdown"), b"x", {"year": 2026})
        expected = {
            "id": "a",
            "filename": "a.md",
            "media_type": "text/markdown",
            "attributes": {"year": 2026},
            "text": "x",
        }
        assert prepared.body == expected
        assert prepared.sha256 == submission_sha("a.md", "text/markdown", b"x")
