"""What a key may be used for."""

from collections.abc import Iterable
from typing import Final, Literal

from infra.access.transaction import refused

Scope = Literal["inference", "embeddings", "documents", "search", "batch", "admin"]
INFERENCE: Final = "inference"
EMBEDDINGS: Final = "embeddings"
DOCUMENTS: Final = "documents"
SEARCH: Final = "search"
BATCH: Final = "batch"
ADMIN: Final = "admin"
USUAL_SCOPES: Final[tuple[Scope, ...]] = (INFERENCE, EMBEDDINGS, DOCUMENTS, SEARCH, BATCH)
"""Of a key that is made without saying more. `admin` is never among them: it is over every tenant."""
SCOPES: Final[tuple[Scope, ...]] = (*USUAL_SCOPES, ADMIN)


def require_scopes(asked: Iterable[str]) -> tuple[str, ...]:
    """The scopes in their own order. Raises `PenstockError` (`invalid_request`) for one that is none, and for none."""
    wanted = set(asked)
    unknown = next((each for each in sorted(wanted) if each not in SCOPES), None)
    if unknown is not None or not wanted:
        what = f"there is no scope {unknown!r}" if unknown is not None else "a key has at least one"
        raise refused(f"scopes: {what}; there are {', '.join(SCOPES)}", "scopes")
    return tuple(scope for scope in SCOPES if scope in wanted)
