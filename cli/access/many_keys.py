"""All keys of a tenant or of an organisation at once: rotated, or revoked."""

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import typer

from cli.access.administering import actor, changing, every, show

if TYPE_CHECKING:
    from infra.access.keys import ApiKeys, Key


def rotate_all(overlap: str, *, as_json: bool, **whose: str) -> None:
    """Print each key's successor behind the id of the key that it replaces, a line each: they are shown this once, and
    a table would fold them. `whose` is `tenant` or `organisation`. Keys that were rotated already stay so.
    """
    from infra.access.keys import ApiKeys
    from infra.access.spans import span_of

    span = span_of(overlap, "overlap")
    made = changing(lambda engine: _rotated(ApiKeys(engine), span, whose))
    if as_json:
        return show(made, (), as_json=True)
    for each in made:
        typer.echo(f"{each['replaces']} {each['key']}")
    return None


def revoke_all(**whose: str) -> int:
    """How many there were to revoke. `whose` is `tenant` or `organisation`."""
    from infra.access.keys import ApiKeys

    return changing(lambda engine: _revoked(ApiKeys(engine), whose))


async def _rotated(keys: "ApiKeys", span: timedelta, whose: dict[str, str]) -> list[dict[str, str | None]]:
    found = await _usable(keys, whose)
    replaced = {each.replaces for each in found}
    made = [await keys.rotate(actor(), each.id, span) for each in found if each.id not in replaced]
    return [
        {"replaces": each.key.replaces, "tenant": each.key.tenant, "name": each.key.name, "key": each.text}
        for each in made
    ]


async def _revoked(keys: "ApiKeys", whose: dict[str, str]) -> int:
    found = await _usable(keys, whose)
    for each in found:
        await keys.revoke(actor(), each.id)
    return len(found)


async def _usable(keys: "ApiKeys", whose: dict[str, str]) -> "list[Key]":
    found = await every(lambda paging: keys.list(paging, **whose))
    return [each for each in found if each.usable_at(datetime.now(UTC))]
