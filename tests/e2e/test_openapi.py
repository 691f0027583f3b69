"""The HTTP API against its own OpenAPI document: whatever is sent to it, it never answers with an error of its own."""

from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from api.openapi import document
from tests.e2e.running import Penstock

CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
MODELS = ["sim-small", "sim-claude-small", "nobody"]
"""Most names of models are nobody's; of these, two are answered, each by another kind of provider."""
OPERATIONS = [(path, method) for path, methods in document()["paths"].items() for method in methods]


@pytest.fixture(scope="module")
def described() -> Any:
    """The document's operations, which ask for some of our models."""
    described = document()
    for schema in described["components"]["schemas"].values():
        if "model" in schema.get("properties", {}):
            schema["properties"]["model"]["enum"] = MODELS
    return schemathesis.openapi.from_dict(described)


@pytest.fixture(scope="module")
def administrator(penstock: Penstock) -> str:
    return penstock.create_key("default", "admin")


def test_the_document_is_served(penstock: Penstock) -> None:
    assert penstock.get("/openapi.json").json() == document()


@pytest.mark.parametrize("operation", OPERATIONS, ids="-".join)
@pytest.mark.parametrize("mode", list(schemathesis.GenerationMode))
def test_no_request_is_answered_with_an_error_of_our_own(
    penstock: Penstock,
    described: Any,
    request: pytest.FixtureRequest,
    operation: tuple[str, str],
    mode: schemathesis.GenerationMode,
) -> None:
    path, method = operation
    strategy = described[path][method].as_strategy(generation_mode=mode)
    key = request.getfixturevalue("administrator") if path.startswith("/admin/") else penstock.key

    @settings(
        max_examples=6,
        derandomize=True,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(data=st.data())
    def ask(data: st.DataObject) -> None:
        case = data.draw(strategy)
        case.call_and_validate(base_url=penstock.api, headers={"authorization": f"Bearer {key}"}, checks=CHECKS)

    ask()
