"""What another catalogue changes is told by the names that people know."""

from typing import Any

from infra.catalog import Catalog
from infra.catalog.changes import changes

ONE: dict[str, Any] = {"name": "one", "kind": "openai", "base_url": "http://a/"}
TWO: dict[str, Any] = {"name": "two", "kind": "anthropic", "base_url": "http://b/"}


def catalog(*providers: dict[str, Any], models: tuple[str, ...] = ("m",), **fields: Any) -> Catalog:
    deployment = {"provider": providers[0]["name"], "model": "real"}
    listed = [{"name": name, "deployments": [{"name": f"d/{name}", **deployment}], **fields} for name in models]
    return Catalog.model_validate({"providers": list(providers), "models": listed})


def test_all_is_new_where_there_was_none():
    assert changes(None, catalog(ONE)) == ["+ provider one", "+ model m"]


def test_nothing_is_told_where_nothing_is_changed():
    assert changes(catalog(ONE, TWO), catalog(ONE, TWO)) == []


def test_what_is_added_removed_and_changed_is_told():
    before = catalog(ONE, models=("kept", "gone"))
    after = catalog({**ONE, "base_url": "http://c/", "residency": "local"}, TWO, models=("kept", "new"), hedge_after=1)
    assert changes(before, after) == [
        "+ provider two",
        "~ provider one: base_url, residency",
        "+ model new",
        "- model gone",
        "~ model kept: hedge_after",
    ]
