"""A catalogue that was applied, in the audit log: what of it is otherwise than before."""

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel
from sqlalchemy.ext.asyncio import AsyncEngine

from infra.access.audit import audited
from infra.access.transaction import access_transaction
from infra.catalog.shape import Catalog

_KIND = "catalogue"


async def write_down(engine: AsyncEngine, actor: str, before: Catalog | None, after: Catalog) -> None:
    """One entry; none where nothing is otherwise. Raises `PenstockError` where the database can't be reached."""
    old, new = _entries(before), _entries(after)
    names = [name for name in {**old, **new} if old.get(name) != new.get(name)]
    if not names:
        return
    was, now = ({name: entries[name] for name in names if name in entries} for entries in (old, new))
    async with access_transaction(engine) as connection:
        await audited(connection, actor, "applied", _KIND, _KIND, was, now)


def _entries(catalog: Catalog | None) -> Mapping[str, Any]:
    """Providers, models and the router, as JSON. Of a provider's own headers the names: a value may be a secret."""
    if catalog is None:
        return {}
    providers = {f"provider {each.name}": _said(each) for each in catalog.providers}
    for provider in providers.values():
        provider["headers"] = sorted(provider.get("headers", ()))
    models = {f"model {each.name}": _said(each) for each in catalog.models}
    return {**providers, **models, "router": _said(catalog.router)}


def _said(entry: BaseModel) -> dict[str, Any]:
    """What is said of it: what is left out has its usual value."""
    return entry.model_dump(mode="json", exclude_defaults=True)
