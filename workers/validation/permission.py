"""What a tenant and its key may use. The ingress has asked already; a producer of messages has been asked nothing."""

from typing import Any

from contracts.apis.grounding.search import file_searches
from contracts.errors import ErrorCode, PenstockError
from infra.access.policy import Policy
from workers.validation.validate import STAGE


def require_allowed(policy: Policy, model: str, request: dict[str, Any], *, chosen: bool = False) -> None:
    """`chosen`: `model` is a name of the router's, which asks for each model that it may choose.

    Raises `PenstockError` (`permission_denied`) for a model or a vector store that may not be used; `param` says
    where that stands. `request` keeps its API's rules.
    """
    if not chosen and not policy.allows_model(model):
        raise _denied(f"model: the model «{model[:128]}» may not be used with this key", "model")
    if policy.stores is None:
        return
    for search in file_searches(request):
        for store in search.stores:
            if not policy.allows_store(store.name):
                whose = "which may use only some stores, by their ids"
                message = f"{store.path}: the store {store.name[:128]!r} may not be searched with this key, {whose}"
                raise _denied(message, store.path)


def _denied(message: str, param: str) -> PenstockError:
    return PenstockError(ErrorCode.PERMISSION_DENIED, message, stage=STAGE, param=param)
