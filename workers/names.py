"""The workers there are, in the order of the flow. No import beyond this: the supervisor reads it too."""

WORKERS: tuple[str, ...] = (
    "validation",
    "cache",
    "routing",
    "provider",
    "ledger",
    "responses",
    "retrieval",
    "chunking",
    "embedding",
    "indexing",
    "reindex",
)

GROUPS: dict[str, tuple[str, ...]] = {"prompts": WORKERS[:7], "documents": WORKERS[7:], "all": WORKERS}
"""Several in one process. Bulk work has one of its own: what a person waits for shares no interpreter with it."""
