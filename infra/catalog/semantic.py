"""The semantic cache's part of a model: off unless it is there."""

from typing import Annotated

from pydantic import Field

from infra.catalog.entry import Entry


class SemanticCache(Entry):
    """Answers of this model may be given to questions that mean the same: docs/semantic-cache.md."""

    target: Annotated[float, Field(gt=0, le=0.2, description="The share of hits that may be wrong.")] = 0.01
    verify: Annotated[
        float, Field(gt=0, le=1, description="The share of what could be hits that the model answers, to compare.")
    ] = 0.05
    same_answer: Annotated[
        float, Field(gt=0, le=1, description="The cosine from which on two answers with the same facts are the same.")
    ] = 0.95
    longest: Annotated[int, Field(ge=1, le=2000, description="Characters of a question; a longer one is no hit.")] = 500
    except_keys: Annotated[
        frozenset[str], Field(description="Public ids of API keys that neither get such answers nor give any.")
    ] = frozenset()


class ModelCache(Entry):
    """How answers of a model are given again. Not `exact`: not at all, and identical prompts are a call each."""

    exact: bool = True
    semantic: SemanticCache | None = None
