"""A classifier at work on prompts from outside: no platform is asked."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from workers.routing.classifier import Classifier, Verdict
    from workers.routing.examples import Examples


class Judge:
    """Embeds and classifies. Made once a command: it trains, which takes half a second."""

    def __init__(self, examples: "Examples | None" = None) -> None:
        """With the shipped examples, where there are no others."""
        from ingestion.embedding.wordllama import WordLlamaModel
        from workers.routing.classifier import train
        from workers.routing.examples import shipped

        self.model = WordLlamaModel()
        self.classifier: Classifier = train(examples or shipped(), self.model)

    def verdict(self, prompt: str) -> "Verdict":
        """The class of one prompt."""
        from workers.routing.features import cut, features_of

        text = cut(prompt)
        return self.classifier.classify(self.model.embed_now([text])[0], features_of(text))

    def pairs(self, prompts: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
        """Of each prompt and its label, the label and the class that it is taken for."""
        return [(label, self.verdict(prompt).name) for prompt, label in prompts]
