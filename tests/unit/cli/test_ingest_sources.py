"""What a command line names: which documents, under which ids, and which of a store's documents were made of them."""

from pathlib import Path

import pytest

from cli.failures import CommandError
from cli.ingest.sources import Beir, Given, Root, find, find_beir, require_different_ids


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    for name in (
        "a.md",
        "b.txt",
        "guide/one.md",
        "guide/deep/two.md",
        ".hidden.md",
        ".git/config",
        "guide/.cache/x.md",
    ):
        path = tmp_path / "docs" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"about {name}")
    return tmp_path / "docs"


def ids(root: Root | Beir | Given) -> list[str]:
    return [source.document_id for source in root]


def test_a_folder_is_all_that_is_in_it_but_for_what_is_hidden(tree: Path):
    assert ids(find(str(tree))) == ["a.md", "b.txt", "guide/one.md", "guide/deep/two.md"]


def test_a_folder_that_is_named_may_be_hidden(tree: Path):
    assert ids(find(str(tree / ".git"))) == ["config"]


def test_a_file_is_itself(tree: Path):
    (source,) = find(str(tree / "guide" / "one.md"))
    assert (source.document_id, source.filename, source.read()) == ("one.md", "one.md", b"about guide/one.md")


@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        ("*.md", ["a.md"]),
        ("**/*.md", ["a.md", "guide/deep/two.md", "guide/one.md"]),
        ("gui*/*.md", ["guide/one.md"]),
        ("guide/**", ["deep/two.md", "one.md"]),
        ("[!b].*", ["a.md"]),
        ("?.txt", ["b.txt"]),
    ],
)
def test_a_glob_is_what_matches_by_its_path_behind_the_plain_folders(tree: Path, pattern: str, found: list[str]):
    root = find(f"{tree}/{pattern}")
    assert ids(root) == found
    assert all(root.covers(each, each) for each in found)


def test_a_prefix_stands_in_front_of_every_id(tree: Path):
    assert ids(find(str(tree), "book/"))[:2] == ["book/a.md", "book/b.txt"]


@pytest.mark.parametrize("path", ["absent", "absent/*.md", "docs/*.rs"])
def test_what_is_not_there_is_said_in_a_sentence(tree: Path, path: str):
    with pytest.raises(CommandError, match=r"there (is no file|are no files)"):
        find(str(tree.parent / path))


def test_an_empty_folder_is_nothing_to_ingest_and_no_reason_to_delete_everything(tmp_path: Path):
    with pytest.raises(CommandError, match="no files under"):
        find(str(tmp_path))


class TestCovers:
    """What `--prune` may delete."""

    def test_a_folder_covers_documents_that_are_called_by_a_path(self, tree: Path):
        assert find(str(tree)).covers("guide/gone.md", "guide/gone.md")

    def test_a_folder_covers_no_document_that_the_api_was_given_as_a_file(self, tree: Path):
        assert not find(str(tree)).covers("file-1", "gone.md")

    def test_a_file_covers_itself_alone(self, tree: Path):
        root = find(str(tree / "a.md"))
        assert root.covers("a.md", "a.md")
        assert not root.covers("b.txt", "b.txt")

    def test_a_glob_covers_what_it_would_match(self, tree: Path):
        flat, deep = find(f"{tree}/*.md"), find(f"{tree}/**/*.md")
        assert flat.covers("gone.md", "gone.md")
        assert not flat.covers("guide/gone.md", "guide/gone.md")
        assert deep.covers("guide/gone.md", "guide/gone.md")
        assert not deep.covers("gone.txt", "gone.txt")

    def test_a_prefix_keeps_two_folders_of_one_store_apart(self, tree: Path):
        root = find(str(tree), "book/")
        assert root.covers("book/gone.md", "book/gone.md")
        assert not root.covers("gone.md", "gone.md")

    def test_standard_input_covers_nothing(self):
        assert not Given("a.md", b"").covers("a.md", "a.md")


class TestBeir:
    def corpus(self, folder: Path) -> Path:
        path = folder / "corpus.jsonl"
        path.write_text('{"_id": "7", "title": "T", "text": "one"}\n\n{"_id": "8", "title": "", "text": "two"}\n')
        return path

    def test_each_line_of_a_corpus_is_a_document(self, tmp_path: Path):
        root = find_beir(str(self.corpus(tmp_path)))
        assert len(root) == 2
        assert [(each.document_id, each.read()) for each in root] == [("7", b"T\n\none"), ("8", b"two")]

    def test_a_folder_in_beirs_layout_will_do(self, tmp_path: Path):
        self.corpus(tmp_path)
        assert ids(find_beir(str(tmp_path))) == ["7", "8"]

    def test_it_covers_documents_that_a_corpus_made(self, tmp_path: Path):
        root = find_beir(str(self.corpus(tmp_path)))
        assert root.covers("9", "9.txt")
        assert not root.covers("a.md", "a.md")

    def test_a_corpus_that_is_not_there_is_said_in_a_sentence(self, tmp_path: Path):
        with pytest.raises(CommandError, match="can't be read"):
            find_beir(str(tmp_path))


def test_two_files_can_not_be_one_document(tree: Path):
    (tree / "guide" / "a.md").write_text("another one")
    with pytest.raises(CommandError, match=r"would both be the document «a\.md»"):
        require_different_ids([find(str(tree / "a.md")), find(str(tree / "guide" / "a.md"))])


def test_one_file_that_is_named_twice_is_one_document(tree: Path):
    require_different_ids([find(str(tree / "a.md")), find(f"{tree}/*.md")])
