"""How the next version is made: as asked, and for the rest as the store's is now."""

import pytest
from pydantic import ValidationError

from contracts.errors import ErrorCode, PenstockError
from contracts.reindex import ReindexRequested
from infra.index.stores import StoreSettings
from workers.reindex.wanted import chunker_of

STORE = StoreSettings(chunk_tokens=400, chunk_overlap=200)


def asked(**fields: object) -> ReindexRequested:
    return ReindexRequested.model_validate({"job_id": "job", "store": "docs", **fields})


def test_what_is_not_asked_for_stays_as_it_is():
    chunker = chunker_of(asked(), STORE, {"tokens": 400, "overlap": 200, "tokenizer": "o200k_base"})
    assert chunker == {"tokens": 400, "overlap": 200, "tokenizer": "o200k_base"}


def test_a_store_without_an_index_has_the_usual_tokenizer():
    assert chunker_of(asked(chunk_tokens=64, chunk_overlap=0), STORE, None) == {
        "tokens": 64,
        "overlap": 0,
        "tokenizer": "cl100k_base",
    }


def test_the_stores_overlap_gives_way_to_a_smaller_size():
    assert chunker_of(asked(chunk_tokens=100), STORE, None)["overlap"] == 50


def test_an_overlap_of_more_than_half_is_refused():
    with pytest.raises(PenstockError, match="chunks of 400 tokens can't overlap by 201") as raised:
        chunker_of(asked(chunk_overlap=201), STORE, None)
    assert raised.value.code == ErrorCode.INVALID_REQUEST
    with pytest.raises(ValidationError, match="no more than half"):
        asked(chunk_tokens=10, chunk_overlap=6)
