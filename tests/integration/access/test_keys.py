"""Keys and tenants in the database, and who is let in by them."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncEngine

from api.auth import Authenticator, Principal
from contracts.errors import ErrorCode, PenstockError
from infra.access.audit import AuditLog
from infra.access.keys import ApiKeys, MadeKey, NewKey
from infra.access.organisations import Organisations
from infra.access.tenants import Tenants
from infra.index.paging import Paging
from tests.support.database import Database

BY = "cli:ada"
SQL = "x' OR '1'='1'; --"


async def enter(authenticator: Authenticator, made: MadeKey | str) -> Principal:
    """With what was just changed in mind."""
    authenticator.forget()
    return await authenticator.authenticate(f"Bearer {made if isinstance(made, str) else made.text}")


async def refusal(authenticator: Authenticator, made: MadeKey | str) -> ErrorCode:
    with pytest.raises(PenstockError) as caught:
        await enter(authenticator, made)
    return caught.value.code


async def test_a_key_says_whose_it_is_and_what_it_may_use(
    organisations: Organisations, tenants: Tenants, keys: ApiKeys, authenticator: Authenticator
):
    await organisations.create(BY, "mills")
    await tenants.create(BY, "acme", "mills", models=("gpt-*",))
    made = await keys.create(BY, NewKey("acme", SQL, ("search", "inference"), ("gpt-small",), ("vs_1",)))
    found = await enter(authenticator, made)
    assert (found.tenant, found.organisation, found.key_id) == ("acme", "mills", made.key.id)
    assert found.scopes == {"inference", "search"}
    assert [found.allows_model(name) for name in ("gpt-small", "gpt-large", "claude")] == [True, False, False]
    assert [found.allows_store(store) for store in ("vs_1", "vs_2")] == [True, False]
    assert (await keys.find(made.key.id)).name == SQL


async def test_hundreds_of_keys_that_nobody_remembers_are_looked_up_together(
    keys: ApiKeys, authenticator: Authenticator, engine: AsyncEngine
):
    made = [await keys.create(BY, NewKey("acme"), makes_tenant=True) for _ in range(3)]
    statements: list[str] = []
    event.listen(engine.sync_engine, "before_cursor_execute", lambda *said: statements.append(said[2]))

    async def let_in(text: str) -> str | None:
        try:
            return (await authenticator.authenticate(f"Bearer {text}")).key_id
        except PenstockError as error:
            return error.code

    nobodys = [f"psk_{number:016x}_{'0' * 48}" for number in range(500)]
    found = await asyncio.gather(*map(let_in, [*nobodys, *(each.text for each in made)]))
    assert found == [*[ErrorCode.INVALID_API_KEY] * 500, *(each.key.id for each in made)]
    assert len(statements) <= 2


async def test_attacks_on_a_key_are_refused(keys: ApiKeys, authenticator: Authenticator):
    mine = await keys.create(BY, NewKey("acme"), makes_tenant=True)
    other = await keys.create(BY, NewKey("rival"), makes_tenant=True)
    _, public_id, secret = mine.text.split("_")
    _, others_id, others_secret = other.text.split("_")
    await enter(authenticator, mine)
    await enter(authenticator, other)
    for forged in (
        f"psk_{public_id}_{others_secret}",
        f"psk_{others_id}_{secret}",
        mine.text[:-1],
        mine.text[: len("psk_") + 16],
        f"psk_{public_id}_{secret.upper()}",
        f"psk_{public_id}' OR '1'='1_{secret}",
        f"psk_{SQL}_{secret}",
        f"psk_{public_id}%00_{secret}",
        f"psk_{public_id}_{secret}\n",
    ):
        assert await refusal(authenticator, forged) is ErrorCode.INVALID_API_KEY, forged
    assert (await enter(authenticator, mine)).tenant == "acme"


async def test_a_rotated_key_goes_on_until_its_overlap_is_over(
    keys: ApiKeys, authenticator: Authenticator, database: Database, audit: AuditLog
):
    old = await keys.create(BY, NewKey("acme", "batch jobs", ("batch",), ("gpt-*",)), makes_tenant=True)
    await database.execute(
        f"INSERT INTO limits (kind, subject_id, requests_per_minute) VALUES ('key', '{old.key.id}', 7)",
    )
    new = await keys.rotate(BY, old.key.id, timedelta(hours=1))
    assert (new.key.replaces, new.key.name, new.key.scopes, new.key.models) == (
        old.key.id, "batch jobs", ("batch",), ("gpt-*",)
    )  # fmt: skip
    ends = (await keys.find(old.key.id)).expires_at
    assert ends is not None
    assert timedelta(minutes=59) < ends - datetime.now(UTC) <= timedelta(hours=1)
    for made in (old, new):
        assert (await enter(authenticator, made)).key_id == made.key.id
    assert len(await database.rows("SELECT requests_per_minute FROM limits WHERE kind = 'key'")) == 2
    with pytest.raises(PenstockError, match=f"{new.key.id} is in its place"):
        await keys.rotate(BY, old.key.id, timedelta(hours=1))
    newest = await keys.rotate(BY, new.key.id, timedelta())
    assert await refusal(authenticator, new) is ErrorCode.INVALID_API_KEY
    assert (await enter(authenticator, newest)).key_id == newest.key.id
    told = {(each.action, each.kind) for each in (await audit.list(50))[0]}
    assert told >= {("created", "key"), ("rotated", "key"), ("copied", "limit")}


async def test_a_rotation_gives_no_key_a_longer_life_than_it_was_made_for(keys: ApiKeys):
    soon = datetime.now(UTC) + timedelta(minutes=5)
    old = await keys.create(BY, NewKey("acme", expires_at=soon), makes_tenant=True)
    new = await keys.rotate(BY, old.key.id, timedelta(hours=1))
    assert (await keys.find(old.key.id)).expires_at == soon
    assert new.key.expires_at is not None
    assert timedelta(minutes=4) < new.key.expires_at - datetime.now(UTC) <= timedelta(minutes=5)


async def test_of_two_rotations_at_once_one_is_refused(keys: ApiKeys):
    old = await keys.create(BY, NewKey("acme"), makes_tenant=True)
    both = await asyncio.gather(
        *(keys.rotate(BY, old.key.id, timedelta(hours=1)) for _ in range(2)), return_exceptions=True
    )
    assert sorted(type(each).__name__ for each in both) == ["MadeKey", "PenstockError"]
    assert len((await keys.list(Paging(), "acme"))[0]) == 2


async def test_what_is_disabled_is_told_so_and_comes_back(
    organisations: Organisations, tenants: Tenants, keys: ApiKeys, authenticator: Authenticator
):
    made = await keys.create(BY, NewKey("acme"), makes_tenant=True)
    for disable, enable, subject in (
        (tenants.disable, tenants.enable, "acme"),
        (organisations.disable, organisations.enable, "default"),
    ):
        await disable(BY, subject)
        assert await refusal(authenticator, made) is ErrorCode.PERMISSION_DENIED
        await enable(BY, subject)
        assert (await enter(authenticator, made)).tenant == "acme"


async def test_a_revoked_key_stays_revoked_and_can_not_be_rotated(keys: ApiKeys, authenticator: Authenticator):
    made = await keys.create(BY, NewKey("acme"), makes_tenant=True)
    revoked = await keys.revoke(BY, made.key.id)
    assert await keys.revoke(BY, made.key.id) == revoked
    assert await refusal(authenticator, made) is ErrorCode.INVALID_API_KEY
    with pytest.raises(PenstockError, match="revoked"):
        await keys.rotate(BY, made.key.id, timedelta())


async def test_secrets_are_in_no_table_but_as_a_hash_and_in_no_log(keys: ApiKeys, database: Database):
    made = await keys.create(BY, NewKey("acme"), makes_tenant=True)
    new = await keys.rotate(BY, made.key.id, timedelta(hours=1))
    await keys.revoke(BY, new.key.id)
    written = str(await database.rows("SELECT * FROM audit_log")) + str(await database.rows("SELECT * FROM api_keys"))
    for text in (made.text, new.text):
        assert text.split("_")[2] not in written
    assert "secret" not in str(await database.rows("SELECT before, after FROM audit_log"))


@pytest.mark.parametrize(
    ("new", "param"),
    [
        (NewKey("nobody"), None),
        (NewKey("acme", scopes=("everything",)), "scopes"),
        (NewKey("acme", scopes=()), "scopes"),
        (NewKey("acme", models=("g*t",)), "models"),
        (NewKey("acme", stores=("",)), "stores"),
        (NewKey("acme", expires_at=datetime(2020, 1, 1, tzinfo=UTC)), "expires_at"),
        (NewKey(SQL), "tenant"),
        (NewKey("acme", "a\0b"), None),
    ],
)
async def test_a_key_that_can_not_be_is_not_made(tenants: Tenants, keys: ApiKeys, new: NewKey, param: str | None):
    await tenants.create(BY, "acme")
    with pytest.raises(PenstockError) as caught:
        await keys.create(BY, new)
    assert caught.value.param == param
    assert (await keys.list(Paging()))[0] == []


async def test_what_a_key_may_do_is_changed_and_what_is_not_said_stays(keys: ApiKeys):
    made = await keys.create(BY, NewKey("acme", models=("a",), stores=("vs_1",)), makes_tenant=True)
    changed = await keys.update(BY, made.key.id, {"scopes": ["admin", "search"], "models": None})
    assert (changed.scopes, changed.models, changed.stores) == (("search", "admin"), None, ("vs_1",))
