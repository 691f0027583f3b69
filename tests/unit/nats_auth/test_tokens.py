"""Tokens and `.creds` files as nats-server and its clients read them, and what a tenant's account holds."""

import base64
import json
from pathlib import Path

import nkeys
import pytest
from nats.aio.client import Client

from contracts.errors import PenstockError
from infra.nats_auth.doors import doors
from infra.nats_auth.files import NatsAuthFiles
from infra.nats_auth.generate import generate, read_operator
from infra.nats_auth.lifetime import expiry
from infra.nats_auth.nkeys import KeyPair, Kind
from infra.nats_auth.operator import Operator
from infra.nats_auth.tokens import CredsError, claims_of, read_creds
from infra.settings import SettingsError


@pytest.fixture
def operator() -> Operator:
    return Operator(KeyPair.new(Kind.OPERATOR))


def test_a_token_is_signed_by_its_issuer(operator: Operator) -> None:
    token = operator.tenant_token("a")
    signed, _, signature = token.rpartition(".")
    raw = base64.urlsafe_b64decode(signature + "==")
    assert nkeys.from_seed(bytearray(operator.key.seed.encode())).verify(signed.encode(), raw)
    assert json.loads(base64.urlsafe_b64decode(signed.split(".")[0] + "==")) == {"typ": "JWT", "alg": "ed25519-nkey"}
    claims = claims_of(token)
    assert (claims["iss"], claims["sub"]) == (operator.key.public, operator.tenant("a").public)
    assert (claims["nats"]["type"], claims["nats"]["version"]) == ("account", 2)


def test_a_creds_file_is_read_by_the_stock_client_and_by_us(operator: Operator, tmp_path: Path) -> None:
    creds = operator.tenant_creds("a", expires_at=4_000_000_000)
    path = tmp_path / "a.creds"
    path.write_text(creds.text())
    stock = Client()
    assert stock._read_creds_user_jwt(str(path)).decode() == creds.token
    assert stock._read_creds_user_nkey(str(path)).decode() == creds.key.seed
    assert read_creds(creds.text()) == creds
    claims = claims_of(creds.token)
    assert (claims["exp"], claims["iss"], claims["sub"]) == (
        4_000_000_000,
        operator.tenant("a").public,
        creds.key.public,
    )


@pytest.mark.parametrize("change", [("BEGIN", "END"), ("SU", "SX"), ("\n", " ")])
def test_what_is_no_creds_file_is_refused(operator: Operator, change: tuple[str, str]) -> None:
    with pytest.raises(CredsError):
        read_creds(operator.tenant_creds("a").text().replace(*change))


def test_every_door_of_a_tenant_names_the_tenant_as_a_token_of_its_own() -> None:
    """A wildcard in the tenant's place, or a tail that could reach into it, would open another's."""
    for door, exported in zip(doors("team-a"), doors("*"), strict=True):
        assert "team-a" in door.subject.split(".")
        assert ">" not in door.subject
        assert exported.subject == door.subject.replace("team-a", "*")


def test_a_tenants_account_can_store_and_export_nothing(operator: Operator) -> None:
    limits = claims_of(operator.tenant_token("a"))["nats"]["limits"]
    assert not {"exports", "mem_storage", "disk_storage", "streams", "leaf"} & limits.keys()


def test_penstocks_exports_want_a_token(operator: Operator) -> None:
    assert all(export["token_req"] for export in claims_of(operator.penstock_token())["nats"]["exports"])


def test_secrets_lie_in_private_files_and_stay_the_same(tmp_path: Path) -> None:
    files = NatsAuthFiles(tmp_path / "nats-auth")
    first = generate(files)
    before = (files.operator_seed.read_text(), files.service_creds.read_text())
    assert generate(files) == first == read_operator(files.operator_seed)
    assert (files.operator_seed.read_text(), files.service_creds.read_text()) == before
    assert {path.stat().st_mode & 0o777 for path in files.path.iterdir()} == {0o600}
    assert files.path.stat().st_mode & 0o777 == 0o700
    assert first.key.seed not in files.server_config.read_text()


def test_anothers_service_credentials_are_made_anew(tmp_path: Path) -> None:
    files = NatsAuthFiles(tmp_path)
    generate(files)
    files.operator_seed.write_text(KeyPair.new(Kind.OPERATOR).seed)
    operator = generate(files)
    assert claims_of(read_creds(files.service_creds.read_text()).token)["iss"] == operator.penstock.public


@pytest.mark.parametrize("text", ["nonsense", KeyPair.new(Kind.USER).seed], ids=["no seed", "a user's seed"])
def test_a_file_without_an_operators_seed_is_named(tmp_path: Path, text: str) -> None:
    path = tmp_path / "operator.seed"
    path.write_text(text)
    with pytest.raises(SettingsError, match=r"operator\.seed holds") as refused:
        read_operator(path)
    assert text not in str(refused.value)


@pytest.mark.parametrize(("text", "seconds"), [("30m", 1800), ("12h", 43_200), ("90d", 7_776_000)])
def test_a_lifetime_is_a_number_and_a_unit(text: str, seconds: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.time", lambda: 1000.5)
    assert expiry(text) == 1000 + seconds


@pytest.mark.parametrize("text", ["", "0d", "-1h", "90", "1w", "1.5h", "tomorrow"])
def test_another_lifetime_is_refused(text: str) -> None:
    with pytest.raises(PenstockError, match="a span of time"):
        expiry(text)
