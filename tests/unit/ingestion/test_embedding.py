"""Embedding models: vectors of length 1, in order, without a network; and models by their configuration."""

import sys
from collections.abc import Sequence
from pathlib import Path
from subprocess import run
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingestion.embedding import (
    BUILT_IN,
    EmbeddingConfigurationError,
    EmbeddingModel,
    Vectors,
    batches,
    embedding_model,
    estimated_tokens,
    unit,
)
from ingestion.embedding.wordllama import WordLlamaModel


@pytest.fixture(scope="module")
def wordllama() -> WordLlamaModel:
    return WordLlamaModel()


# WordLlama


async def test_vectors_are_of_length_one_and_in_order(wordllama: WordLlamaModel):
    texts = [f"Text number {number} about {'cats' if number % 2 else 'ships'}." for number in range(100)]
    vectors = await wordllama.embed(texts)
    assert (vectors.shape, vectors.dtype) == ((100, wordllama.dimension), np.float32)
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1)
    assert np.array_equal(vectors[7], (await wordllama.embed(texts[7:8]))[0])


async def test_what_means_the_same_is_near(wordllama: WordLlamaModel):
    cat, kitten, tax = await wordllama.embed(["a cat on a sofa", "the kitten sleeps on the couch", "income tax law"])
    assert cat @ kitten > 0.3 > cat @ tax


async def test_an_empty_text_is_all_zeros_and_harms_no_other(wordllama: WordLlamaModel):
    vectors = await wordllama.embed(["", "a cat", ""])
    assert not vectors[[0, 2]].any()
    assert np.isclose(np.linalg.norm(vectors[1]), 1)


async def test_no_texts_are_no_vectors(wordllama: WordLlamaModel):
    assert (await wordllama.embed([])).shape == (0, 256)


async def test_a_huge_text_takes_no_memory_for_each_of_its_words(wordllama: WordLlamaModel):
    sentence = "The quick brown fox jumps over the lazy dog. "
    (short,), (long,) = await wordllama.embed([sentence * 500]), await wordllama.embed([sentence * 5000])
    assert short @ long > 0.99999


def test_vectors_are_those_of_the_wordllama_package(wordllama: WordLlamaModel):
    from wordllama import WordLlama  # here, as importing it sets up logging
    from wordllama import __file__ as package

    texts = ["A short one.", "漢字 and 👩‍👩‍👧 and ünïcode", "a longer one, " * 50, "x"]
    theirs = WordLlama.load(cache_dir=Path(package).parent, disable_download=True).embed(texts, norm=True)
    assert np.allclose(wordllama.embed_now(texts), theirs, atol=1e-5)


def test_the_revision_tells_other_files_apart(wordllama: WordLlamaModel, tmp_path: Path):
    assert wordllama.revision.startswith("l2_supercat_256-mean-")
    for file in ("weights/l2_supercat_256.safetensors", "tokenizers/l2_supercat_tokenizer_config.json"):
        (tmp_path / file).parent.mkdir()
        (tmp_path / file).write_bytes(b"other")
    assert WordLlamaModel(tmp_path).revision != wordllama.revision == WordLlamaModel().revision


def test_missing_files_are_said_at_once(tmp_path: Path):
    with pytest.raises(EmbeddingConfigurationError, match="lacks its file weights/"):
        WordLlamaModel(tmp_path)


def test_a_process_that_embeds_nothing_loads_nothing():
    code = (
        "import sys; from ingestion.embedding import embedding_model; import ingestion.chunking\n"
        "print({'tokenizers', 'wordllama', 'markitdown', 'torch'} & set(sys.modules))"
    )
    assert run([sys.executable, "-c", code], capture_output=True, check=True, text=True).stdout == "set()\n"


# By configuration


def test_a_model_is_named_by_its_configuration():
    model = embedding_model("wordllama")
    assert (model.name, model.dimension) == ("wordllama", 256)


@pytest.mark.parametrize(
    ("configuration", "message"),
    [
        ("", "is unknown; there are «wordllama», «sentence-transformers»"),
        ("word2vec", "«word2vec» is unknown"),
        ("wordllama:large", "without a colon"),
        ("sentence-transformers:all-MiniLM-L6-v2", "names no revision"),
        ("sentence-transformers:@abc", "names no revision"),
    ],
)
def test_a_configuration_that_names_no_model_is_refused(configuration: str, message: str):
    with pytest.raises(EmbeddingConfigurationError, match=message):
        embedding_model(configuration)


def test_further_kinds_of_models_are_given_in():
    class Fixed:
        revision, dimension = "1", 1

        def __init__(self, deployment: str) -> None:
            self.name = f"openai:{deployment}"

        async def embed(self, texts: Sequence[str]) -> Vectors:
            return np.ones((len(texts), 1), np.float32)

    def make(deployment: str) -> EmbeddingModel:
        return Fixed(deployment)

    assert embedding_model("openai:small:2", {**BUILT_IN, "openai": make}).name == "openai:small:2"


def test_sentence_transformers_are_asked_for_by_name_where_they_are_missing(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "sentence_transformers", None)
    with pytest.raises(EmbeddingConfigurationError, match=r"pip install 'penstock\[sentence-transformers\]'"):
        embedding_model("sentence-transformers:all-MiniLM-L6-v2@c9745ed")


async def test_a_model_of_sentence_transformers_is_pinned_and_normalised(monkeypatch: pytest.MonkeyPatch):
    def load(name: str, revision: str) -> SimpleNamespace:
        assert (name, revision) == ("org/model", "c9745ed")
        return SimpleNamespace(encode=lambda texts, **_: np.array([[3.0, 4.0]] * len(texts)))

    library = ModuleType("sentence_transformers")
    library.SentenceTransformer = load  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "sentence_transformers", library)
    model = embedding_model("sentence-transformers:org/model@c9745ed")
    assert (model.name, model.revision, model.dimension) == ("sentence-transformers:org/model@c9745ed", "c9745ed", 2)
    assert np.allclose(await model.embed(["a", "b"]), [[0.6, 0.8], [0.6, 0.8]])
    assert (await model.embed([])).shape == (0, 2)


# Vectors and batches


def test_a_vector_that_holds_no_numbers_is_refused():
    with pytest.raises(ValueError, match="no number"):
        unit(np.array([[1.0, np.nan]]))


SIZES = st.lists(st.integers(0, 50), max_size=30)


@given(sizes=SIZES, most_texts=st.integers(1, 5), most_tokens=st.integers(1, 60))
def test_batches_hold_every_text_in_order_and_keep_their_limits(sizes: list[int], most_texts: int, most_tokens: int):
    texts = ["x" * size for size in sizes]
    parts = [texts[part] for part in batches(texts, most_texts, most_tokens, measure=len)]
    assert [text for part in parts for text in part] == texts
    for part in parts:
        assert 1 <= len(part) <= most_texts
        assert sum(map(len, part)) <= most_tokens or len(part) == 1


def test_a_batch_takes_all_that_it_may():
    assert list(batches(["aa", "bb", "c", "dddd"], 3, 5, measure=len)) == [slice(0, 3), slice(3, 4)]


def test_an_estimate_is_high_rather_than_low():
    assert [estimated_tokens(text) for text in ("", "word", "漢字", "\ud800")] == [0, 2, 3, 1]
