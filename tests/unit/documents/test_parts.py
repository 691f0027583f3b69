"""The pure parts of the documents' API: pages, groups, what a store is to be, what its owner is told."""

from datetime import UTC, datetime
from itertools import chain
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.documents.batches import files_of, statuses_of, unfinished
from api.documents.grouping import MOST_BYTES, MOST_TOGETHER, groups_of, in_groups
from api.documents.paging import limit_of, page_in, paging_of
from api.documents.rules import CreateStore, UpdateStore
from api.documents.shapes import batch_object, last_error, store_object
from api.documents.store_settings import changes_of, require_local, settings_of
from contracts.errors import PenstockError
from infra.catalog import Catalog
from infra.index.file_batches import Batch
from infra.index.paging import Paging
from infra.index.store_documents import StoreDocument
from infra.index.stores import Holding, Store, StoreSettings
from ingestion.parsing.errors import UnparsableCode

NOW = datetime(2026, 1, 1, tzinfo=UTC)
STORE = Store("vs_1", "acme", "", {}, False, StoreSettings(), None, NOW, NOW, None)
ENTRIES: list[dict[str, Any]] = [{"id": name} for name in "abcdefg"]


def document(document_id: str, status: str = "completed", **fields: Any) -> StoreDocument:
    usual = {"filename": "", "attributes": {}, "sha256": b"", "file_id": None, "created_at": NOW, "submitted_at": NOW}
    state = {"error_code": None, "error_message": None, "is_indexed": False, "chunks": 0, "usage_bytes": 0}
    return StoreDocument(**{"id": document_id, "status": status, **usual, **state, **fields})


def ids(entries: Any) -> str:
    return "".join(each["id"] for each in entries)


@pytest.mark.parametrize(
    ("paging", "page", "more"),
    [
        (Paging(3), "gfe", True),
        (Paging(9), "gfedcba", False),
        (Paging(2, "asc", after="c"), "de", True),
        (Paging(9, "desc", after="c"), "ba", False),
        (Paging(2, "asc", before="e"), "cd", True),
        (Paging(2, "desc", before="e"), "gf", False),
        (Paging(2, "asc", after="a", before="e"), "bc", True),
        (Paging(2, "asc", after="e", before="a"), "", False),
    ],
)
def test_a_list_that_is_all_there_has_pages_as_one_in_the_database(paging: Paging, page: str, more: bool):
    found, has_more = page_in(ENTRIES, paging)
    assert (ids(found), has_more) == (page, more)


def test_a_cursor_that_is_no_entry_is_refused():
    for name in ("after", "before"):
        with pytest.raises(PenstockError) as raised:
            page_in(ENTRIES, Paging(**{name: "x"}))  # type: ignore[arg-type]
        assert raised.value.param == name


def test_what_a_query_says_of_its_page():
    assert paging_of({}) == Paging(20, "desc")
    asked = {"limit": "5", "order": "asc", "after": "a", "before": "b"}
    assert paging_of(asked) == Paging(5, "asc", "a", "b")


@pytest.mark.parametrize("limit", ["0", "101", "-1", "x", "", "1.5", "٣", "9" * 5000])
def test_a_limit_that_is_none_is_refused(limit: str):
    with pytest.raises(PenstockError, match="1 to 100"):
        limit_of({"limit": limit}, 20, 100)


@given(st.lists(st.integers(0, MOST_BYTES + 10), max_size=600))
def test_a_group_is_neither_too_many_nor_too_much(sizes: list[int]):
    groups = list(groups_of(sizes, lambda size: size))
    assert list(chain.from_iterable(groups)) == sizes
    assert all(1 <= len(group) <= MOST_TOGETHER for group in groups)
    assert all(sum(group) <= MOST_BYTES or len(group) == 1 for group in groups)
    assert [len(group) for group in in_groups(range(5), 2)] == [2, 2, 1]


def test_a_batch_is_as_far_as_its_files_and_one_that_is_gone_was_cancelled():
    batch = Batch("b", "vs_1", ("a", "b", "c", "gone"), NOW, None)
    held = {"a": document("a"), "b": document("b", "in_progress"), "c": document("c", "failed")}
    statuses = statuses_of(batch, held)
    assert statuses == {"completed": 1, "in_progress": 1, "failed": 1, "cancelled": 1}
    assert batch_object(batch, statuses)["status"] == "in_progress"
    assert [each["status"] for each in files_of(STORE, batch, held)] == [
        "completed",
        "in_progress",
        "failed",
        "cancelled",
    ]


@pytest.mark.parametrize(
    ("counts", "cancelled_at", "status"),
    [
        ({"completed": 2}, None, "completed"),
        ({"completed": 1, "failed": 1}, None, "completed"),
        ({"failed": 2}, None, "failed"),
        ({"in_progress": 1, "failed": 1}, None, "in_progress"),
        ({"completed": 1, "cancelled": 1}, NOW, "cancelled"),
    ],
)
def test_the_status_of_a_batch(counts: dict[str, int], cancelled_at: datetime | None, status: str):
    assert batch_object(Batch("b", "vs_1", ("a", "b"), NOW, cancelled_at), counts)["status"] == status


def test_only_what_nothing_can_be_found_of_yet_is_taken_out_by_a_cancel():
    held = [
        document("a"),
        document("b", "in_progress"),
        document("c", "failed"),
        document("d", "in_progress", is_indexed=True),
    ]
    assert unfinished({each.id: each for each in held}) == ["b"]


@pytest.mark.parametrize("code", [*UnparsableCode, "internal_error", "not_found", None])
def test_a_reason_has_one_of_three_codes_and_only_a_failure_has_one(code: str | None):
    error = last_error(document("a", "failed", error_code=code, error_message="why"))
    expected = "invalid_file" if code in list(UnparsableCode) else "server_error"
    assert error == {
        "code": "unsupported_file" if code == UnparsableCode.UNSUPPORTED_TYPE else expected,
        "message": "why",
    }
    assert last_error(document("a", "in_progress", error_code=code)) is None


def test_the_status_of_a_store():
    assert store_object(STORE, Holding({"in_progress": 1, "failed": 2}, 5))["status"] == "in_progress"
    shown = store_object(STORE, Holding({"completed": 1, "failed": 2}, 5))
    assert (shown["status"], shown["usage_bytes"], shown["file_counts"]["total"]) == ("completed", 5, 3)


def catalog() -> Catalog:
    """`house` is local; `mixed` falls back on what is not; `circle` and `house` fall back on each other."""
    models = [
        ("house", "in", ["circle"]),
        ("circle", "in", ["house"]),
        ("mixed", "in", ["cloud"]),
        ("cloud", "out", []),
    ]
    providers = [("in", "local"), ("out", "external")]
    return Catalog.model_validate(
        {
            "providers": [
                {"name": name, "kind": "openai", "base_url": "http://127.0.0.1:1/v1", "residency": residency}
                for name, residency in providers
            ],
            "models": [
                {
                    "name": name,
                    "fallbacks": fallbacks,
                    "deployments": [{"name": f"{provider}/{name}", "provider": provider, "model": name}],
                }
                for name, provider, fallbacks in models
            ],
        }
    )


@pytest.mark.parametrize("model", ["wordllama", "sentence-transformers:x@1", "house", "circle"])
def test_a_confidential_store_may_have_a_model_of_the_house(model: str):
    require_local(model, catalog(), "embedding_model")
    asked = CreateStore(embedding_model=model, confidential=True)
    assert settings_of(asked, catalog(), 1).embedding_model == model


@pytest.mark.parametrize("model", ["cloud", "mixed"])
def test_a_confidential_store_may_not_have_one_that_tells_somebody_outside(model: str):
    with pytest.raises(PenstockError, match="stay in the house") as raised:
        settings_of(CreateStore(embedding_model=model, confidential=True), catalog(), 1)
    assert raised.value.param == "embedding_model"
    assert settings_of(CreateStore(embedding_model=model), catalog(), 1).embedding_model == model


def test_a_store_keeps_as_many_versions_as_the_platform_unless_it_says_so():
    assert settings_of(CreateStore(), catalog(), 4) == StoreSettings(keep_versions=4)
    assert settings_of(CreateStore(keep_versions=0), catalog(), 4).keep_versions == 0


def test_null_takes_away_and_what_is_absent_stays():
    assert changes_of(UpdateStore()) == ({}, {})
    asked = {"name": None, "metadata": None, "expires_after": None, "description": None, "keep_versions": 2}
    assert changes_of(UpdateStore.model_validate(asked)) == (
        {"name": "", "metadata": {}, "expires_after": None},
        {"description": None, "keep_versions": 2},
    )
