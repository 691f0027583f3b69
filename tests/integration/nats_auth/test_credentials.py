"""Credentials that end, Penstock's own, and streams of a time before accounts."""

import asyncio
from pathlib import Path

import nats
import nats.errors
import pytest

from contracts.errors import PenstockError
from infra.broker import connect
from infra.embedded.datadir import DataDirectory
from infra.embedded.errors import DataDirectoryError
from infra.embedded.nats import nats_server as describe_server
from infra.nats_auth.accounts import accounts
from infra.nats_auth.generate import generate
from infra.nats_auth.nkeys import KeyPair, Kind
from infra.nats_auth.operator import Operator
from infra.settings import Settings, SettingsError
from tests.support.accounts import OWN, Broker, as_user
from tests.support.logs import RecordedLog


async def test_credentials_expire(broker: Broker, operator: Operator) -> None:
    async with accounts(broker.url, operator) as known:
        old = await known.issue(OWN, expires_at=1)
    with pytest.raises(nats.errors.Error, match="Authorization Violation"):
        await nats.connect(broker.url, allow_reconnect=False, **as_user(old))


async def test_one_users_credentials_are_revoked_and_the_others_stay(broker: Broker, operator: Operator) -> None:
    async with accounts(broker.url, operator) as known:
        lost, kept = await known.issue(OWN), await known.issue(OWN)
        await known.revoke(OWN, lost.key.public)
        later = await known.issue(OWN)
    with pytest.raises(nats.errors.Error, match="Authorization Violation"):
        await nats.connect(broker.url, allow_reconnect=False, **as_user(lost))
    for creds in (kept, later):
        await (await nats.connect(broker.url, **as_user(creds))).close()


async def test_a_later_version_brings_doors_and_keeps_what_was_revoked(broker: Broker, operator: Operator) -> None:
    async with accounts(broker.url, operator) as known:
        creds = await known.issue("team-c")
        await known.revoke("team-c")
        await known.refresh(("team-c", "team-d"))
    with pytest.raises(nats.errors.Error, match="Authorization Violation"):
        await nats.connect(broker.url, allow_reconnect=False, **as_user(creds))
    await (await nats.connect(broker.url, **as_user(operator.tenant_creds("team-d")))).close()


async def test_a_closed_account_cuts_off_and_an_open_one_lets_the_same_credentials_in(
    broker: Broker, operator: Operator
) -> None:
    gone = asyncio.Event()

    async def on_disconnected() -> None:
        gone.set()

    async with accounts(broker.url, operator) as known:
        creds = await known.issue("team-e")
        producer = await nats.connect(
            broker.url, allow_reconnect=False, disconnected_cb=on_disconnected, **as_user(creds)
        )
        assert await known.close("team-e", closed=True)
        async with asyncio.timeout(10):
            await gone.wait()
        await producer.close()
        assert not await known.close("team-e", closed=True)
        await known.revoke("team-e", (await known.issue("team-e")).key.public)
        with pytest.raises(nats.errors.Error, match="maximum account active connections exceeded"):
            await nats.connect(broker.url, allow_reconnect=False, **as_user(creds))
        await known.refresh()
        await (await nats.connect(broker.url, **as_user(creds))).close()
        await known.refresh(closed=["team-e"])
        assert await known.close("team-e", closed=False)
        await (await nats.connect(broker.url, **as_user(creds))).close()
        assert not await known.close("nobody", closed=True)


async def test_a_server_of_another_operator_is_told_apart(broker: Broker) -> None:
    with pytest.raises(PenstockError, match="does not trust this operator"):
        async with accounts(broker.url, Operator(KeyPair.new(Kind.OPERATOR))):
            pass


@pytest.mark.parametrize(
    ("text", "sentence"), [(None, "No such file"), ("nonsense", "is no .creds file"), ("foreign", "refuses us")]
)
async def test_a_process_says_what_is_wrong_with_its_credentials(
    broker: Broker, tmp_path: Path, text: str | None, sentence: str
) -> None:
    path = tmp_path / "x.creds"
    if text is not None:
        foreign = Operator(KeyPair.new(Kind.OPERATOR)).service_creds().text()
        path.write_text(foreign if text == "foreign" else text)
    settings = Settings(nats_url=broker.url, nats_creds=path)  # type: ignore[arg-type]
    with pytest.raises(SettingsError, match=sentence):
        await connect(settings, "test", RecordedLog().logger)


def test_streams_of_a_version_without_accounts_become_penstocks(tmp_path: Path) -> None:
    data = DataDirectory(tmp_path)
    (data.nats / "jetstream" / "$G" / "streams" / "RESULTS").mkdir(parents=True)
    operator = generate(data.nats_auth)
    for _ in range(2):
        describe_server(data, 4222, {}, data.nats_auth)
        assert (data.nats / "jetstream" / operator.penstock.public / "streams" / "RESULTS").is_dir()
    assert not (data.nats / "jetstream" / "$G").exists()


def test_another_operators_streams_are_not_passed_over_in_silence(tmp_path: Path) -> None:
    data = DataDirectory(tmp_path)
    (data.nats / "jetstream" / KeyPair.new(Kind.ACCOUNT).public).mkdir(parents=True)
    generate(data.nats_auth)
    with pytest.raises(DataDirectoryError, match=r"operator\.seed is not the one"):
        describe_server(data, 4222, {}, data.nats_auth)
