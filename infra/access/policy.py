"""What is allowed to a tenant, and to a key of it."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

DEFAULT_ORGANISATION = "default"
ANY_MODEL = "*"
LimitKind = Literal["key", "tenant", "model"]


@dataclass(frozen=True, slots=True)
class Limit:
    """How much passes of `subject`: of a key, a tenant, or of a model whoever asks for it. None is no limit.

    `model` narrows that of a key or tenant to one model, as its callers name it; `ANY_MODEL` is all of them together.
    """

    kind: LimitKind
    subject: str
    model: str = ANY_MODEL
    requests_per_minute: int | None = None
    tokens_per_minute: int | None = None
    concurrent_requests: int | None = None

    def covers(self, model: str) -> bool:
        """Whether a request for `model` counts."""
        return self.model in {ANY_MODEL, model} and (self.kind != "model" or self.subject == model)


@dataclass(frozen=True, slots=True)
class Policy:
    """What the database says of a tenant and a key of it. `key_id` is None for a producer that is known by its tenant.

    `models` and `stores` are names, a model's maybe a prefix with one `*` at its end; None allows all of the tenant's.
    `limits` are those of the key, the tenant, and every model's. `budgeted`: organisation, tenant or key has a budget.
    Not `cached`: the key goes without the cache.
    """

    tenant: str
    organisation: str = DEFAULT_ORGANISATION
    key_id: str | None = None
    models: tuple[frozenset[str], ...] = ()
    stores: frozenset[str] | None = None
    limits: tuple[Limit, ...] = ()
    budgeted: bool = False
    disabled: bool = False
    cached: bool = True

    def allows_model(self, asked: str) -> bool:
        """Whether the key and the tenant, where they name models, both name this one."""
        return allows_model(self.models, asked)

    def allows_store(self, store_id: str) -> bool:
        """Whether the key, where it names stores, names this one. Whose the store is, is another question."""
        return self.stores is None or store_id in self.stores

    def limits_of(self, model: str) -> tuple[Limit, ...]:
        """The limits that a request for `model` counts against."""
        return tuple(limit for limit in self.limits if limit.covers(model))


def allows_model(models: Iterable[frozenset[str]], asked: str) -> bool:
    """Whether each of some sets of names, a tenant's and a key's, has this one, or a beginning of it with a `*`."""
    return all(_names(names, asked) for names in models)


def _names(names: Iterable[str], asked: str) -> bool:
    return any(name == asked or (name.endswith("*") and asked.startswith(name[:-1])) for name in names)
