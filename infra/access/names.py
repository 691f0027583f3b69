"""The names of models and stores that a tenant or a key is bound to. Pure."""

from collections.abc import Sequence

from infra.access.transaction import refused

MOST_NAMES, LONGEST_NAME = 1000, 256


def require_models(names: Sequence[str] | None) -> list[str] | None:
    """Names of models as their callers write them, or their beginnings with one `*` behind; None is any model.

    Raises `PenstockError` (`invalid_request`) for what is none.
    """
    if names is not None and any("*" in name[:-1] for name in names):
        raise refused("models: a «*» stands at the end of a name", "models")
    return _names(names, "models")


def require_stores(ids: Sequence[str] | None) -> list[str] | None:
    """Ids of vector stores; None is any store of the tenant. Raises `PenstockError` (`invalid_request`)."""
    return _names(ids, "stores")


def _names(names: Sequence[str] | None, what: str) -> list[str] | None:
    if names is None:
        return None
    if len(names) > MOST_NAMES or not all(0 < len(name) <= LONGEST_NAME and "\0" not in name for name in names):
        raise refused(f"{what}: at most {MOST_NAMES} names of 1 to {LONGEST_NAME} characters", what)
    return sorted(set(names))
