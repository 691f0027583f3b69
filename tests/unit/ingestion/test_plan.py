"""What an update embeds, keeps and deletes."""

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from ingestion.chunking import Chunk
from ingestion.hashes import document_sha, submission_sha, text_sha
from ingestion.parsing import Kind
from tests.support.embedding_plan import plan

TEXTS = st.lists(st.sampled_from("abcdef"), max_size=8)


def chunks(texts: Sequence[str]) -> list[Chunk]:
    return [Chunk(ordinal, text, 0, 1, text_sha(text)) for ordinal, text in enumerate(texts)]


def texts_of(found: Sequence[Chunk]) -> list[str]:
    return [one.text for one in found]


def test_only_new_texts_are_embedded():
    planned = plan([text_sha("a"), text_sha("b")], chunks("acbd"))
    assert (texts_of(planned.embed), texts_of(planned.keep), planned.delete) == (["c", "d"], ["a", "b"], frozenset())


def test_a_text_that_comes_twice_is_embedded_once():
    assert texts_of(plan([], chunks("abab")).embed) == ["a", "b"]


def test_texts_that_are_no_more_are_deleted():
    assert plan([text_sha("a"), text_sha("b")], chunks("b")).delete == {text_sha("a")}
    assert plan([text_sha("a")], []).delete == {text_sha("a")}


def test_an_unchanged_document_has_nothing_to_do():
    planned = plan([text_sha("a"), text_sha("b")], chunks("ab"))
    assert (planned.embed, planned.delete) == ((), frozenset())


@given(old=TEXTS, new=TEXTS)
def test_what_is_kept_and_embedded_is_all_that_there_shall_be(old: list[str], new: list[str]):
    planned = plan([text_sha(text) for text in old], chunks(new))
    assert set(texts_of(planned.keep)) | set(texts_of(planned.embed)) == set(new)
    assert set(texts_of(planned.embed)) == set(new) - set(old)
    assert planned.delete == {text_sha(text) for text in set(old) - set(new)}


def test_a_documents_hash_is_of_its_bytes_and_its_kind():
    same = document_sha(Kind.TEXT, b"# a")
    assert same == document_sha(Kind.TEXT, b"# a")
    assert len({same, document_sha(Kind.MARKDOWN, b"# a"), document_sha(Kind.TEXT, b"# b")}) == 3


def test_whoever_submits_a_document_can_tell_its_hash():
    assert submission_sha("a.md", None, b"# a") == document_sha(Kind.MARKDOWN, b"# a")
    assert submission_sha("a", "text/html", b"# a") == document_sha(Kind.HTML, b"# a")


def test_what_cannot_be_parsed_has_a_hash_too():
    broken = submission_sha("a.zip", None, b"PK\0\1")
    assert broken == submission_sha("b.zip", None, b"PK\0\1")
    assert broken not in {submission_sha("a.zip", None, b"PK\0\2"), submission_sha("a.txt", None, b"PK\0\1")}
