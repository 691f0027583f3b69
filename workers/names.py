"""The workers there are, in the order of the flow. No import beyond this: the supervisor reads it too."""

WORKERS: tuple[str, ...] = (
    "validation",
    "cache",
    "routing",
    "provider",
    "ledger",
    "responses",
    "chunking",
    "retrieval",
    "embedding",
    "indexing",
    "reindex",
)
