"""What a tenant and its key may use, as the validation worker sees it."""

from typing import Any

import pytest

from contracts.errors import ErrorCode, PenstockError
from infra.access.policy import Policy
from workers.validation.permission import require_allowed

ALL = Policy("acme")
BOUND = Policy("acme", models=(frozenset({"gpt-*"}), frozenset({"gpt-small"})), stores=frozenset({"vs_1"}))


def searching(*stores: str) -> dict[str, Any]:
    return {"tools": [{"type": "web"}, {"type": "file_search", "vector_store_ids": list(stores)}]}


@pytest.mark.parametrize(
    ("policy", "model", "request_"),
    [(ALL, "anything", searching("vs_9", "a name")), (BOUND, "gpt-small", searching("vs_1")), (BOUND, "gpt-small", {})],
)
def test_what_is_named_may_be_used(policy: Policy, model: str, request_: dict[str, Any]):
    require_allowed(policy, model, request_)


@pytest.mark.parametrize(
    ("policy", "model", "request_", "param"),
    [
        (BOUND, "gpt-large", {}, "model"),
        (BOUND, "claude", {}, "model"),
        (BOUND, "gpt-small", searching("vs_1", "vs_2"), "tools[1].vector_store_ids[1]"),
    ],
)
def test_all_else_is_refused_with_its_place(policy: Policy, model: str, request_: dict[str, Any], param: str):
    with pytest.raises(PenstockError) as caught:
        require_allowed(policy, model, request_)
    assert (caught.value.code, caught.value.param) == (ErrorCode.PERMISSION_DENIED, param)
