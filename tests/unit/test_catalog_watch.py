"""Which catalogue is in force: the one that was changed last, if it is good; else the one that was in force before."""

import asyncio
import os
import time
from pathlib import Path

import pytest

from infra.catalog import Catalog
from infra.catalog.candidate import Candidate
from infra.runtime import end_tasks
from infra.settings import SettingsError
from tests.support.catalogs import A_WHILE_AGO, BAD, JUST_NOW, LONG_AGO, WatchRig, text
from tests.support.logs import RecordedLog
from tests.support.waiting import eventually


@pytest.fixture
def rig(tmp_path: Path, log: RecordedLog) -> WatchRig:
    return WatchRig(tmp_path / "models.yaml", log)


@pytest.mark.parametrize(
    ("file_at", "applied_at", "model"),
    [(LONG_AGO, A_WHILE_AGO, "applied"), (A_WHILE_AGO, LONG_AGO, "file"), (A_WHILE_AGO, None, "file")],
    ids=["applied after the file", "the file after", "nothing applied"],
)
async def test_a_start_takes_the_one_that_was_changed_last(
    rig: WatchRig, file_at: float, applied_at: float | None, model: str
):
    rig.write(text("file"), file_at)
    if applied_at is not None:
        rig.bucket.apply(text("applied"), applied_at)
    await rig.open()
    assert rig.model == model


async def test_while_it_runs_each_change_takes_over_in_its_turn(rig: WatchRig):
    rig.write(text("first"), LONG_AGO)
    await rig.open()
    rig.bucket.apply(text("second"), A_WHILE_AGO)
    assert await rig.looks() == "second"
    rig.write(text("third"), JUST_NOW)
    assert await rig.looks() == "third"
    assert len(rig.log.events("catalog_reloaded")) == 2


async def test_a_file_that_was_changed_before_the_applied_one_does_not_take_over_and_that_is_said(rig: WatchRig):
    rig.write(text("first"), LONG_AGO)
    rig.bucket.apply(text("applied"), JUST_NOW)
    await rig.open()
    rig.write(text("old"), A_WHILE_AGO)
    assert await rig.looks() == "applied"
    assert len(rig.log.events("catalog_ignored")) == 1
    os.utime(rig.path)
    assert await rig.looks() == "old"


async def test_a_time_in_the_future_does_not_win_for_ever(rig: WatchRig):
    rig.write(text("file"), time.time() + 1000)
    await rig.open()
    rig.bucket.apply(text("applied"), time.time())
    assert await rig.looks() == "applied"


async def test_a_file_is_left_alone_until_it_stays_as_it_is(rig: WatchRig):
    rig.write(text("first"), LONG_AGO)
    await rig.open()
    rig.write(text("second")[:-30], A_WHILE_AGO)
    await rig.looks(1)
    rig.write(text("second"), A_WHILE_AGO)
    await rig.looks(1)
    assert rig.model == "first"
    assert await rig.looks(1) == "second"
    assert rig.log.events("catalog_refused") == []


async def test_a_file_that_is_replaced_by_one_of_the_same_size_and_time_is_noticed(rig: WatchRig):
    rig.write(text("first"), LONG_AGO)
    await rig.open()
    other = rig.path.with_name("other")
    other.write_bytes(text("other"))
    os.utime(other, (LONG_AGO, LONG_AGO))
    other.replace(rig.path)
    assert await rig.looks() == "other"


@pytest.mark.parametrize("by_file", [True, False], ids=["by the file", "applied"])
async def test_a_wrong_one_is_refused_with_its_line_and_the_old_one_stays(rig: WatchRig, by_file: bool):
    rig.write(text("first"), LONG_AGO)
    await rig.open()
    rig.write(BAD, A_WHILE_AGO) if by_file else rig.bucket.apply(BAD, A_WHILE_AGO)
    assert await rig.looks(4) == "first"
    (refused,) = rig.log.events("catalog_refused")
    assert (refused["file"], refused["line"]) == (str(rig.path) if by_file else "applied", 2)
    assert "providers.0.kind" in refused["reason"]
    rig.write(text("second"), JUST_NOW)
    assert await rig.looks() == "second"


async def test_what_a_check_refuses_is_told_with_its_line_and_nobody_sees_any_of_it(rig: WatchRig):
    seen: list[str] = []

    async def see(catalog: Catalog) -> None:
        seen.append(catalog.models[0].name)
        assert rig.source.current is catalog

    rig.write(text("first"), LONG_AGO)
    await rig.open()
    rig.source.on_change(see)
    rig.refuses = "keyless"
    rig.bucket.apply(text("keyless"), A_WHILE_AGO)
    assert await rig.looks() == "first"
    rig.bucket.apply(text("keyed"), JUST_NOW)
    assert await rig.looks() == "keyed"
    assert rig.checked == ["first", "keyless", "keyed"]
    assert seen == ["keyed"]
    (refused,) = rig.log.events("catalog_refused")
    assert refused["line"] == 2
    assert refused["reason"].endswith("is wrong in line 2 (providers.0): its key is not set.")


async def test_what_is_withdrawn_gives_way_to_the_file(rig: WatchRig):
    rig.write(text("file"), LONG_AGO)
    rig.bucket.apply(text("applied"), JUST_NOW)
    await rig.open()
    rig.bucket.applied = None
    assert await rig.looks() == "file"


async def test_a_file_that_goes_away_is_told_once_and_what_it_held_stays(rig: WatchRig):
    rig.write(text("file"), LONG_AGO)
    await rig.open()
    rig.path.unlink()
    assert await rig.looks(4) == "file"
    (refused,) = rig.log.events("catalog_refused")
    assert "can't be read" in refused["reason"]


async def test_the_same_text_again_is_no_change(rig: WatchRig):
    rig.write(text("file"), LONG_AGO)
    await rig.open()
    before = rig.source.current
    os.utime(rig.path)
    await rig.looks()
    assert rig.source.current is before


async def test_a_broker_that_is_away_keeps_no_file_from_being_taken_over(rig: WatchRig):
    rig.bucket.away = True
    rig.write(text("first"), LONG_AGO)
    await rig.open()
    rig.write(text("second"), A_WHILE_AGO)
    assert await rig.looks() == "second"
    rig.bucket.away = False
    await rig.looks()
    assert rig.bucket.kept == Candidate(text("second"), pytest.approx(A_WHILE_AGO), str(rig.path))


async def test_what_is_in_force_is_kept_and_what_is_refused_is_not(rig: WatchRig):
    rig.write(text("first"), LONG_AGO)
    await rig.open()
    rig.write(BAD, A_WHILE_AGO)
    await rig.looks()
    assert rig.bucket.kept is not None
    assert rig.bucket.kept.raw == text("first")


@pytest.mark.parametrize("raw", [BAD, text("keyless")], ids=["wrong", "without its key"])
async def test_a_start_with_a_bad_one_takes_the_one_that_was_kept(rig: WatchRig, raw: bytes):
    rig.refuses = "keyless"
    rig.write(raw, JUST_NOW)
    rig.bucket.kept = Candidate(text("good"), LONG_AGO, "kept")
    await rig.open()
    assert await rig.looks() == "good"
    assert len(rig.log.events("catalog_refused")) == 1
    assert rig.bucket.kept.raw == text("good")


@pytest.mark.parametrize("away", [True, False], ids=["the broker is away", "nothing was kept"])
async def test_a_start_with_a_bad_one_and_nothing_else_fails(rig: WatchRig, away: bool):
    rig.bucket.away = away
    rig.write(BAD, JUST_NOW)
    with pytest.raises(SettingsError, match="line 2"):
        await rig.open()


async def test_a_change_that_somebody_fails_on_does_not_end_the_watch(rig: WatchRig):
    async def fail(catalog: Catalog) -> None:
        if catalog.models[0].name == "second":
            raise RuntimeError

    rig.write(text("first"), LONG_AGO)
    await rig.open()
    rig.source.on_change(fail)
    watching = asyncio.create_task(rig.watch.run(rig.source))
    try:
        rig.bucket.apply(text("second"), A_WHILE_AGO)
        await eventually(lambda: rig.log.events("catalog_watch_failed"))
        rig.bucket.apply(text("third"), JUST_NOW)
        await eventually(lambda: rig.model == "third")
    finally:
        await end_tasks(watching)
