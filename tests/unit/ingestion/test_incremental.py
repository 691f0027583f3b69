"""A documentation tree in two versions, years apart: what an update embeds is what has changed and no more."""

from pathlib import Path

import pytest

from ingestion.chunking import Chunk, ChunkerSettings, chunk
from ingestion.parsing import Parsed, parse
from tests.support.embedding_plan import plan
from tests.support.shared_data import shared_data

pytestmark = pytest.mark.shared_data
Tree = dict[str, list[Chunk]]


def parsed_tree(folder: Path) -> dict[str, Parsed]:
    return {path.name: parse(path.name, path.read_bytes()) for path in sorted((folder / "src").glob("*.md"))}


def chunked(tree: dict[str, Parsed]) -> Tree:
    return {name: chunk(parsed, ChunkerSettings()) for name, parsed in tree.items()}


@pytest.fixture(scope="module")
def trees() -> tuple[dict[str, Parsed], dict[str, Parsed]]:
    folder = shared_data("rust_book")
    return parsed_tree(folder / "old"), parsed_tree(folder / "new")


def embedded(known: set[str], tree: Tree) -> int:
    """How many texts are embedded when the tree is taken in, one document after the other."""
    count = 0
    for chunks in tree.values():
        new = plan(known, chunks).embed
        known |= {one.sha256 for one in new}
        count += len(new)
    return count


def test_only_texts_that_were_nowhere_before_are_embedded(trees: tuple[dict[str, Parsed], dict[str, Parsed]]):
    old, new = map(chunked, trees)
    before = {one.text for chunks in old.values() for one in chunks}
    after = {one.text for chunks in new.values() for one in chunks}
    known = {one.sha256 for chunks in old.values() for one in chunks}
    assert 0 < len(after - before) < len(after)
    assert embedded(known, new) == len(after - before)
    assert embedded(known, new) == 0


def test_a_sentence_in_each_document_changes_one_chunk_of_it_or_two(trees: tuple[dict[str, Parsed], dict[str, Parsed]]):
    _, new = trees
    edited = {name: Parsed(_with_a_sentence(parsed.text), parsed.kind) for name, parsed in new.items()}
    known = {one.sha256 for chunks in chunked(new).values() for one in chunks}
    assert len(new) <= embedded(known, chunked(edited)) <= 2 * len(new)


def test_a_renamed_document_embeds_nothing(trees: tuple[dict[str, Parsed], dict[str, Parsed]]):
    old, _ = trees
    known = {one.sha256 for chunks in chunked(old).values() for one in chunks}
    assert embedded(known, chunked({f"renamed-{name}": parsed for name, parsed in old.items()})) == 0


def _with_a_sentence(text: str) -> str:
    """Behind the first third of its paragraphs."""
    paragraphs = text.split("\n\n")
    paragraphs.insert(len(paragraphs) // 3, "A sentence that was not there before.")
    return "\n\n".join(paragraphs)
