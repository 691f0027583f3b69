"""What may stand in the body of a re-index."""

from typing import Annotated

from pydantic import Field

from api.documents.rules import Closed, Text
from contracts.apis.rules.rules import ModelName


class StartReindex(Closed):
    """POST /v1/vector_stores/{store}/reindex. What is absent or null stays as the store has it."""

    embedding_model: ModelName | None = None
    chunk_tokens: Annotated[int, Field(ge=1, le=4096)] | None = None
    chunk_overlap: Annotated[int, Field(ge=0, le=2048)] | None = None
    max_quality_loss: Annotated[float, Field(ge=0, le=1)] | None = None
    evaluation_set: Annotated[Text, Field(max_length=256)] | None = None
