"""The router's part of a catalogue: classes of prompts, the models of each, aliases, and rules."""

from collections.abc import Callable, Iterator, Sequence
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from infra.catalog.conditions import compiled
from infra.catalog.entry import Entry
from infra.catalog.errors import Loc
from infra.catalog.semantic import ModelCache

ClassName = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,32}$")]
_Asked = Annotated[str, Field(pattern=r"^\S{1,128}$")]
Policy = Literal["listed", "cost", "quality", "latency"]
"""In which order the models of a class are tried: as they are listed, the cheapest first, the best, the fastest."""

AUTO = "auto"
BUILT_IN_ALIASES: dict[str, Policy | None] = {
    AUTO: None,
    f"{AUTO}:cost": "cost",
    f"{AUTO}:quality": "quality",
    f"{AUTO}:latency": "latency",
}
"""Names that are always there, unless a model has one of them. `auto` goes by each class's own policy."""
CLASSES = ("faq", "code", "reasoning", "internal", "general")
"""Those that have examples without any configuration."""
EVERYONE = "*"


class Option(Entry):
    """A model of a class. Written as its name alone, it is no canary."""

    model: _Asked
    canary: Annotated[
        float | None, Field(gt=0, lt=1, description="The share of requests for which it goes first; else it is last.")
    ] = None


def _option(value: object) -> object:
    return {"model": value} if isinstance(value, str) else value


Options: TypeAlias = tuple[Annotated[Option, BeforeValidator(_option)], ...]


class RouteClass(Entry):
    """A class of prompts. What it doesn't name stays as it is without configuration."""

    name: ClassName
    models: Annotated[Options, Field(description="Every model, by its price, where none is named.")] = ()
    policy: Annotated[Policy | None, Field(description="Of `auto`; as listed, where models are.")] = None
    residency: Annotated[Literal["local"] | None, Field(description="local: never a model outside.")] = None
    examples: Annotated[
        tuple[Annotated[str, Field(min_length=1, max_length=20_000)], ...],
        Field(max_length=5_000, description="Added to those that come with Penstock."),
    ] = ()
    instead: Annotated[bool, Field(description="These examples alone, without those that come with Penstock.")] = False


class Alias(Entry):
    """Another name for the router, with a policy of its own. With `models`, these are chosen from for every class."""

    name: _Asked
    policy: Policy | None = None
    models: Options = ()
    cache: Annotated[ModelCache | None, Field(description="As of a model; else the section's.")] = None


def _condition(text: str) -> str:
    try:
        compiled(text)
    except ValueError as error:
        raise PydanticCustomError("catalog", "{message}", {"message": str(error)}) from None
    return text


class Rule(Entry):
    """What is decided without a classifier: the first rule whose condition holds is taken."""

    model_config = ConfigDict(validate_by_name=True, validate_by_alias=True, serialize_by_alias=True)

    name: ClassName
    when: Annotated[str, AfterValidator(_condition)]
    to: Annotated[ClassName | None, Field(alias="class", description="The class that the request counts as.")] = None
    models: Annotated[Options, Field(description="Or the models themselves.")] = ()
    policy: Policy | None = None

    @model_validator(mode="after")
    def _leads_somewhere(self) -> "Rule":
        if (self.to is None) is not bool(self.models):
            raise ValueError("a rule leads to a class or to models: to one of them")
        return self


class Closeness(Entry):
    """From which cosine on a prompt counts as one about a tenant's confidential stores."""

    tenant: Annotated[str, Field(pattern=r"^(\*|[A-Za-z0-9_-]{1,128})$", description="`*` is every other one.")]
    threshold: Annotated[float, Field(gt=0, le=1)]


class Difficulty(Entry):
    """Between which two models a tenant's prompts are divided by difficulty, once it has trained what tells that."""

    tenant: Annotated[str, Field(pattern=r"^(\*|[A-Za-z0-9_-]{1,128})$", description="`*` is every other one.")]
    weak: _Asked
    strong: _Asked
    threshold: Annotated[float, Field(ge=0, le=1, description="From which probability on the strong one is taken.")] = (
        0.5
    )
    classes: Annotated[tuple[ClassName, ...], Field(description="Of these alone; of all, where none is named.")] = ()


class Router(Entry):
    """The whole section. Without it, `auto` chooses among all models with a name of their own, by price."""

    threshold: Annotated[
        float, Field(ge=0, le=1, description="A classifier's confidence below which a prompt counts as `otherwise`.")
    ] = 0.4
    otherwise: ClassName = "general"
    classes: Annotated[tuple[RouteClass, ...], Field(max_length=32)] = ()
    aliases: Annotated[tuple[Alias, ...], Field(max_length=100)] = ()
    rules: Annotated[tuple[Rule, ...], Field(max_length=100)] = ()
    confidential: Annotated[tuple[Closeness, ...], Field(max_length=1000)] = ()
    difficulty: Annotated[tuple[Difficulty, ...], Field(max_length=1000)] = ()
    shadow: Annotated[
        tuple[_Asked, ...],
        Field(description="Models whose requests are only recorded: what `auto` would choose."),
    ] = ()
    cache: Annotated[
        ModelCache,
        Field(description="How answers to `auto` and to aliases are given again, whoever gave them."),
    ] = ModelCache()

    def class_names(self) -> tuple[str, ...]:
        """Every class: the built-in ones, and those that are configured beside them."""
        return tuple(dict.fromkeys((*CLASSES, *(found.name for found in self.classes))))

    def class_of(self, name: str) -> RouteClass | None:
        """A class's configuration; None where it has none."""
        return next((found for found in self.classes if found.name == name), None)

    def alias(self, asked: str) -> Alias | None:
        """The alias of that name, the built-in ones too; None where there is none."""
        for alias in self.aliases:
            if alias.name == asked:
                return alias
        if asked in BUILT_IN_ALIASES:
            return Alias(name=asked, policy=BUILT_IN_ALIASES[asked])
        return None

    def difficulty_of(self, tenant: str, name: str) -> Difficulty | None:
        """How a tenant's prompts of a class are divided; None where they are not."""
        found = {entry.tenant: entry for entry in self.difficulty}
        entry = found.get(tenant, found.get(EVERYONE))
        return entry if entry is not None and (not entry.classes or name in entry.classes) else None

    def closeness(self, tenant: str) -> float | None:
        """The threshold of a tenant; None where its prompts are not compared with its confidential stores."""
        found = {entry.tenant: entry.threshold for entry in self.confidential}
        return found.get(tenant, found.get(EVERYONE))


def mistakes(router: Router, resolves: Callable[[str], bool], models: set[str]) -> Iterator[tuple[Loc, str]]:
    """What the section names that is not there, or there twice: where, and a sentence."""
    yield from _twice(router, models)
    known = router.class_names()
    if router.otherwise not in known:
        yield ("otherwise",), f"there is no class {router.otherwise}"
    for n, found in enumerate(router.classes):
        if found.name not in CLASSES and not found.examples and not any(rule.to == found.name for rule in router.rules):
            yield ("classes", n, "name"), f"the class {found.name} is not built in: it needs examples, or a rule"
        if found.instead and not found.examples:
            yield ("classes", n, "instead"), f"the class {found.name} would have no examples"
    for n, rule in enumerate(router.rules):
        if rule.to is not None and rule.to not in known:
            yield ("rules", n, "class"), f"there is no class {rule.to}"
    yield from _difficulty(router, resolves)
    listed: list[tuple[str, Sequence[Any]]] = [
        ("classes", router.classes),
        ("aliases", router.aliases),
        ("rules", router.rules),
    ]
    for section, entries in listed:
        for n, entry in enumerate(entries):
            for m, option in enumerate(entry.models):
                if not resolves(option.model):
                    yield (section, n, "models", m), f"{entry.name} names a model that is not there: {option.model}"


def _difficulty(router: Router, resolves: Callable[[str], bool]) -> Iterator[tuple[Loc, str]]:
    for n, pair in enumerate(router.difficulty):
        for field, name in (("weak", pair.weak), ("strong", pair.strong)):
            if not resolves(name):
                yield ("difficulty", n, field), f"it names a model that is not there: {name}"
        for m, name in enumerate(pair.classes):
            if name not in router.class_names():
                yield ("difficulty", n, "classes", m), f"there is no class {name}"


def _twice(router: Router, models: set[str]) -> Iterator[tuple[Loc, str]]:
    for section, names in (
        ("classes", [found.name for found in router.classes]),
        ("aliases", [found.name for found in router.aliases]),
        ("rules", [found.name for found in router.rules]),
        ("confidential", [found.tenant for found in router.confidential]),
        ("difficulty", [found.tenant for found in router.difficulty]),
    ):
        for n, name in enumerate(names):
            if name in names[:n]:
                yield (section, n), f"{name} is there twice"
            if section == "aliases" and name in models:
                yield (section, n, "name"), f"{name} is the name of a model already"
