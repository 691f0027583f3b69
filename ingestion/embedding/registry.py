"""From a configuration string to its model."""

from collections.abc import Callable, Mapping
from types import MappingProxyType

from ingestion.embedding.model import EmbeddingConfigurationError, EmbeddingModel

Factory = Callable[[str], EmbeddingModel]
"""Makes a model out of what stands behind the colon."""


def _wordllama(argument: str) -> EmbeddingModel:
    from ingestion.embedding.wordllama import WordLlamaModel

    if argument:
        raise EmbeddingConfigurationError("the embedding model «wordllama» is written without a colon")
    return WordLlamaModel()


def _sentence_transformers(argument: str) -> EmbeddingModel:
    from ingestion.embedding.sentence_transformers import SentenceTransformersModel

    return SentenceTransformersModel(argument)


BUILT_IN: Mapping[str, Factory] = MappingProxyType(
    {"wordllama": _wordllama, "sentence-transformers": _sentence_transformers}
)
"""Each imports its library late: a process pays for the models that it uses."""


def embedding_model(configuration: str, factories: Mapping[str, Factory] = BUILT_IN) -> EmbeddingModel:
    """`wordllama`, `sentence-transformers:<name>@<revision>`, or what else `factories` knows: `{**BUILT_IN, …}`.

    Raises `EmbeddingConfigurationError`.
    """
    kind, _, argument = configuration.partition(":")
    factory = factories.get(kind)
    if factory is None:
        known = ", ".join(f"«{name}»" for name in factories)
        raise EmbeddingConfigurationError(f"the embedding model «{configuration}» is unknown; there are {known}")
    return factory(argument)
