"""Embedding models behind one small interface."""

from ingestion.embedding.batching import batches, estimated_tokens
from ingestion.embedding.model import EmbeddingConfigurationError, EmbeddingModel, Vectors, unit
from ingestion.embedding.registry import BUILT_IN, Factory, embedding_model

__all__ = [
    "BUILT_IN",
    "EmbeddingConfigurationError",
    "EmbeddingModel",
    "Factory",
    "Vectors",
    "batches",
    "embedding_model",
    "estimated_tokens",
    "unit",
]
