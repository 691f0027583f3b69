"""Organisations, and what the audit log says of their changes."""

import pytest

from contracts.errors import ErrorCode, PenstockError
from infra.access.audit import AuditLog
from infra.access.organisations import Organisations
from infra.index.paging import Paging

SQL = "x'; DROP TABLE organisations; --"


async def test_every_change_is_in_the_audit_log_with_who_made_it_and_how_it_was(
    organisations: Organisations, audit: AuditLog
):
    made = await organisations.create("cli:ada", "mills", "Mills Ltd")
    await organisations.rename("key:00aa", "mills", SQL)
    disabled = await organisations.disable("cli:ada", "mills")
    assert (made.name, disabled.name, disabled.disabled_at is None) == ("Mills Ltd", SQL, False)
    changes, more = await audit.list(10)
    assert [(each.actor, each.action, each.kind, each.subject_id) for each in changes] == [
        ("cli:ada", "disabled", "organisation", "mills"),
        ("key:00aa", "updated", "organisation", "mills"),
        ("cli:ada", "created", "organisation", "mills"),
    ]
    assert not more
    renamed, created = changes[1:]
    assert created.before is None
    assert (renamed.before or {})["name"] == (created.after or {})["name"] == "Mills Ltd"
    assert (renamed.after or {})["name"] == SQL


async def test_what_changes_nothing_is_not_in_the_audit_log(organisations: Organisations, audit: AuditLog):
    await organisations.create("cli:ada", "mills", "Mills")
    first = await organisations.disable("cli:ada", "mills")
    assert await organisations.disable("cli:ada", "mills") == first
    await organisations.rename("cli:ada", "mills", "Mills")
    assert len((await audit.list(10))[0]) == 2


async def test_the_audit_log_is_read_in_pages_and_by_subject(organisations: Organisations, audit: AuditLog):
    for each in ("one", "two", "three"):
        await organisations.create("cli:ada", each)
    first, more = await audit.list(2)
    assert ([each.subject_id for each in first], more) == (["three", "two"], True)
    rest, more = await audit.list(2, after=str(first[-1].id))
    assert ([each.subject_id for each in rest], more) == (["one"], False)
    assert [each.subject_id for each in (await audit.list(9, kind="organisation", subject_id="two"))[0]] == ["two"]
    assert (await audit.list(9, kind=SQL))[0] == []
    for cursor in (SQL, "-1", "9" * 30):
        with pytest.raises(PenstockError) as caught:
            await audit.list(9, after=cursor)
        assert caught.value.param == "after"


async def test_an_id_is_taken_once_and_stands_in_subjects(organisations: Organisations):
    await organisations.create("cli:ada", "mills")
    for taken in ("mills", SQL, "a.b", "", "x" * 129):
        with pytest.raises(PenstockError) as caught:
            await organisations.create("cli:ada", taken)
        assert (caught.value.code, caught.value.param) == (ErrorCode.INVALID_REQUEST, "id")
    for unknown in ("nobody", SQL):
        with pytest.raises(PenstockError) as caught:
            await organisations.find(unknown)
        assert caught.value.code is ErrorCode.NOT_FOUND
    assert {each.id for each in (await organisations.list(Paging()))[0]} == {"default", "mills"}
