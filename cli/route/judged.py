"""The router at work on prompts from outside: no platform is asked."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from infra.catalog import Catalog, Router
    from workers.routing.classifier import Verdict
    from workers.routing.decision import Decision
    from workers.routing.examples import Examples
    from workers.routing.facts import Facts
    from workers.routing.table import Table


class Judge:
    """Embeds and classifies. Made once a command: it trains, which takes half a second."""

    def __init__(self, router: "Router | None" = None, base: "Examples | None" = None) -> None:
        """With the examples of `base`, else those that come with Penstock, and what a router section makes of them."""
        from infra.catalog import Router
        from ingestion.embedding.wordllama import WordLlamaModel
        from workers.routing.classifier import train
        from workers.routing.examples import shipped
        from workers.routing.training import examples_for

        section = router or Router()
        self.model = WordLlamaModel()
        examples = examples_for(section, base or shipped())
        self.classifier = train(examples, self.model, threshold=section.threshold, general=section.otherwise)

    def verdict(self, facts: "Facts") -> "Verdict":
        """The class of one prompt."""
        return self.classifier.classify(self.model.embed_now([facts.text])[0], facts.features)

    def pairs(self, prompts: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
        """Of each prompt and its label, the label and the class that it is taken for."""
        from workers.routing.facts import facts_of_prompt

        return [(label, self.verdict(facts_of_prompt(prompt)).name) for prompt, label in prompts]

    def decision(self, facts: "Facts", table: "Table", *, asked: str, local: bool = False) -> "Decision":
        """What would be chosen, by a key that may use every model, with all deployments in good health.

        Raises `CommandError` for a name that is none of the router's.
        """
        from cli.failures import CommandError
        from workers.routing.decision import Limits, decide

        alias = table.catalog.alias(asked)
        if alias is None:
            raise CommandError(f"«{asked}» is no name of the router's in this catalogue.")
        limits = Limits(local, lambda _: True)
        return decide(alias, facts, limits, table, classify=lambda: self.verdict(facts), signals=Unheard(), draw=1.0)


class Unheard:
    """No deployment is known to fail, and of none how long it takes."""

    def is_open(self, deployment: str) -> bool:
        """Never."""
        return False

    def seconds(self, deployment: str) -> float | None:
        """Unknown."""
        return None


def catalog_of(path: Path | None) -> "Catalog":
    """The catalogue of a file, else that of `PENSTOCK_CATALOG`, else the one that is in force at the platform.

    Raises `SettingsError`.
    """
    from cli.config import catalog_in_force
    from infra.catalog import load_catalog
    from infra.settings import SettingsError, load_settings

    if named := path or load_settings().catalog:
        return load_catalog(named)
    try:
        return catalog_in_force()
    except SettingsError as error:
        raise SettingsError(f"{error} Without a platform, name a catalogue by --catalog.") from None


def table_of(catalog: "Catalog") -> "Table":
    """Its models with their prices of now."""
    from datetime import UTC, datetime

    from infra.prices import PriceBook
    from workers.routing.table import Table

    return Table(catalog, PriceBook(), datetime.now(UTC))


def facts_from(prompt: str, tags: Mapping[str, str], tenant: str, asked: str) -> "Facts":
    """What is known of a prompt that is asked in a chat."""
    from contracts.inference import OPENAI_CHAT
    from infra.catalog.conditions import Value
    from workers.routing.facts import facts_of_prompt

    told: dict[str, Value | None] = {
        "tenant": tenant,
        "lane": "interactive",
        "api": OPENAI_CHAT,
        "model": asked,
        "stream": False,
    }
    return facts_of_prompt(prompt, {**told, **{f"tag.{name}": value for name, value in tags.items()}})
