"""Catalogues and plans for tests of routing and of the provider worker, in as few words as they allow."""

from typing import Any

from infra.catalog import Catalog, Deployment
from workers.provider.plan import Option, Plan, Tiers


def catalog(models: dict[str, Any], **residencies: str) -> Catalog:
    """`models`: by name, either its deployments or its fields. The deployment `p/x` is one of the provider `p`.

    A deployment is given by its name, or as a dictionary with one; `residencies` are the providers' own.
    """
    fields = {name: found if isinstance(found, dict) else {"deployments": found} for name, found in models.items()}
    entries = [{"name": name, **found, "deployments": _deployments(found)} for name, found in fields.items()]
    names = {deployment["provider"] for entry in entries for deployment in entry["deployments"]}
    providers = [
        {
            "name": name,
            "kind": "openai",
            "base_url": "http://127.0.0.1:1/v1",
            "residency": residencies.get(name, "external"),
        }
        for name in sorted(names)
    ]
    return Catalog.model_validate({"providers": providers, "models": entries})


def _deployments(fields: dict[str, Any]) -> list[dict[str, Any]]:
    found = ({"name": one} if isinstance(one, str) else one for one in fields["deployments"])
    return [{"provider": one["name"].partition("/")[0], "model": "{model}", **one} for one in found]


def option(name: str, **fields: Any) -> Option:
    """A deployment, and the model `m` of it."""
    entry = {"name": name, "provider": name.partition("/")[0], "model": "m", **fields}
    return Option(Deployment.model_validate(entry), "m")


def plan(*tiers: tuple[Option, ...], longer: Tiers = (), tokens: int = 10) -> Plan:
    """A request's plan."""
    return Plan(tiers, longer, tokens)
