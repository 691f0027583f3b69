"""Administration: over HTTP and by command, what it changes for callers and producers, and who may not."""

import asyncio
import json
import socket
import uuid
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from typing import Any
from urllib.parse import quote, urlsplit

import httpx2
import nats
import nats.errors
import openai
import orjson
import pytest
from nats.aio.client import Client
from openai import OpenAI

from contracts import envelope, subjects
from infra.nats_auth.tokens import read_creds
from tests.e2e.running import Penstock
from tests.e2e.waiting import until
from tests.support.accounts import as_user
from tests.support.waiting import eventually

SQL = "x'; DROP TABLE api_keys; --"
HELLO: Any = [{"role": "user", "content": "Hello"}]


class Admin:
    """The API as an administrator's script calls it."""

    def __init__(self, client: httpx2.Client) -> None:
        self._client = client

    def get(self, path: str, **query: Any) -> Any:
        answer = self._client.get(path, params=query)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def post(self, path: str, **body: Any) -> Any:
        answer = self._client.post(path, json=body)
        assert answer.status_code in (200, 201), answer.text
        return answer.json()

    def delete(self, path: str) -> Any:
        answer = self._client.delete(path)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def refusal(self, path: str, **body: Any) -> tuple[int, str | None]:
        answer = self._client.post(path, json=body)
        return answer.status_code, answer.json()["error"]["param"]


@pytest.fixture(scope="module")
def admin(penstock: Penstock) -> Iterator[Admin]:
    headers = {"authorization": f"Bearer {penstock.create_key('operators', 'admin')}"}
    with httpx2.Client(base_url=f"{penstock.api}/admin/v1", headers=headers, timeout=30) as client:
        yield Admin(client)


@pytest.fixture
def team(admin: Admin) -> str:
    """A tenant that no other test has."""
    return str(admin.post("/tenants", id=f"team-{uuid.uuid4().hex[:8]}")["id"])


def ask(client: OpenAI, model: str = "sim-small") -> str:
    return client.chat.completions.create(model=model, messages=HELLO).model


def code_of(attempt: Callable[[], Any]) -> str | None:
    with pytest.raises(openai.APIStatusError) as raised:
        attempt()
    return raised.value.code


def test_an_organisation_a_tenant_and_a_key_are_made_changed_and_listed(admin: Admin, team: str) -> None:
    organisation = f"org-{team}"
    assert admin.post("/organisations", id=organisation, name=SQL)["name"] == SQL
    tenant = admin.post("/tenants", id=f"{team}-2", organisation=organisation, models=["sim-*"])
    assert (tenant["organisation"], tenant["models"], tenant["disabled_at"]) == (organisation, ["sim-*"], None)
    key = admin.post("/keys", tenant=tenant["id"], name=SQL, scopes=["search"], stores=["vs_1"])
    assert key["key"].startswith(f"psk_{key['id']}_")
    changed = admin.post(f"/keys/{key['id']}", scopes=["search", "documents"], stores=None)
    assert (changed["scopes"], changed["stores"], changed["name"]) == (["documents", "search"], None, SQL)
    assert "key" not in changed
    for until_when in (4_102_444_800, None):
        assert admin.post(f"/keys/{key['id']}", expires_at=until_when)["expires_at"] == until_when
    assert admin.refusal(f"/keys/{key['id']}", expires_at=1) == (400, "expires_at")
    assert [each["id"] for each in admin.get("/keys", tenant=tenant["id"])["data"]] == [key["id"]]
    assert [each["id"] for each in admin.get("/tenants", organisation=organisation)["data"]] == [tenant["id"]]
    told = admin.get("/audit", kind="key", subject_id=key["id"])["data"]
    assert [each["action"] for each in told] == ["updated", "updated", "updated", "created"]
    assert told[0]["actor"].startswith("key:")
    assert told[0]["before"]["expires_at"].startswith("2100-01-01")
    assert told[2]["before"]["stores"] == ["vs_1"]
    assert key["key"].split("_")[2] not in json.dumps(told)


def test_only_the_scope_admin_administers_and_it_does_nothing_else(penstock: Penstock, team: str) -> None:
    keys = {scope: penstock.create_key(team, scope) for scope in ("admin", "inference")}
    for method, path in (("GET", "/keys"), ("POST", "/keys"), ("GET", "/audit"), ("POST", f"/tenants/{team}")):
        headers = {"authorization": f"Bearer {keys['inference']}"}
        answer = httpx2.request(method, f"{penstock.api}/admin/v1{path}", headers=headers, timeout=30)
        assert (answer.status_code, answer.json()["error"]["code"]) == (403, "permission_denied")
    with penstock.client(keys["admin"]) as client:
        assert code_of(lambda: ask(client)) == "permission_denied"


def test_a_key_may_do_what_its_scopes_say(penstock: Penstock, admin: Admin, team: str) -> None:
    key = admin.post("/keys", tenant=team, scopes=["inference"])["key"]
    with penstock.client(key) as client:
        ask(client)
        embed = lambda: client.embeddings.create(model="sim-embed", input="Hello")  # noqa: E731
        background = lambda: client.responses.create(model="sim-small", input="Hello", background=True)  # noqa: E731
        for attempt in (embed, background, client.files.list):
            assert code_of(attempt) == "permission_denied"
        admin.post(f"/keys/{key.split('_')[1]}", scopes=["inference", "embeddings", "batch"])
        embed()
        assert background().status == "queued"


def test_models_that_are_not_allowed_are_neither_listed_nor_answered(
    penstock: Penstock, admin: Admin, team: str
) -> None:
    admin.post(f"/tenants/{team}", models=["sim-s*", "sim-claude-small"])
    key = admin.post("/keys", tenant=team, models=["sim-small", "sim-claude-small", "sim-large"])["key"]
    with penstock.client(key) as client:
        assert {each.id for each in client.models.list()} == {"sim-small"}
        assert ask(client) == "sim-small"
        with pytest.raises(openai.PermissionDeniedError) as raised:
            ask(client, "sim-large")
        assert (raised.value.code, raised.value.param) == ("permission_denied", "model")
        assert code_of(lambda: client.models.retrieve("sim-large")) == "model_not_found"


def test_a_key_that_is_bound_to_stores_sees_no_others(penstock: Penstock, admin: Admin, team: str) -> None:
    with penstock.client(penstock.create_key(team)) as owner:
        mine, others = (owner.vector_stores.create(name=name).id for name in ("mine", "others"))
        secret = owner.files.create(file=("secret.txt", b"The password is heron."), purpose="assistants").id
        owner.vector_stores.files.create_and_poll(secret, vector_store_id=others)
        key = admin.post("/keys", tenant=team, stores=[mine])["key"]
        with penstock.client(key) as client:
            assert [each.id for each in client.vector_stores.list()] == [mine]
            assert client.vector_stores.retrieve(mine).id == mine
            tools: Any = [{"type": "file_search", "vector_store_ids": [others]}]
            for attempt in (
                lambda: client.vector_stores.retrieve(others),
                lambda: client.vector_stores.retrieve("others"),
                lambda: client.vector_stores.search(others, query="password"),
                lambda: client.vector_stores.files.list(others),
                lambda: client.vector_stores.create(name="new"),
                client.files.list,
                lambda: client.responses.create(model="sim-small", input="What is the password?", tools=tools),
            ):
                assert code_of(attempt) == "permission_denied"
            for attempt in (
                lambda: client.files.content(secret),
                lambda: client.files.delete(secret),
                lambda: client.vector_stores.files.create(mine, file_id=secret),
            ):
                assert code_of(attempt) == "not_found"
        assert owner.files.retrieve(secret).id == secret


def test_a_rotated_key_works_beside_the_new_one_and_a_revoked_one_does_not(
    penstock: Penstock, admin: Admin, team: str
) -> None:
    old = penstock.create_key(team)
    new = penstock.run("key", "rotate", old.split("_")[1], "--overlap", "24h", "--json")
    assert new.returncode == 0, new.stderr
    made = json.loads(new.stdout)
    assert made["replaces"] == old.split("_")[1]
    with penstock.client(old) as before, penstock.client(made["key"]) as after:
        ask(before)
        ask(after)
        admin.post(f"/keys/{made['replaces']}/revoke")
        # The process that made the change has told itself as well, before it answered.
        until(lambda: _is_refused(before), "the refusal of a revoked key", within=1.0)
        ask(after)


def test_all_keys_of_an_organisation_are_rotated_or_revoked_at_once(penstock: Penstock, admin: Admin) -> None:
    organisation, teams = f"org-{uuid.uuid4().hex[:8]}", [f"team-{uuid.uuid4().hex[:8]}" for _ in range(2)]
    admin.post("/organisations", id=organisation)
    for each in teams:
        admin.post("/tenants", id=each, organisation=organisation)
        admin.post("/keys", tenant=each)
    made = json.loads(penstock.run("org", "rotate", organisation, "--overlap", "1h", "--json").stdout)
    assert sorted(each["tenant"] for each in made) == sorted(teams)
    lines = [line.split(" ") for line in penstock.run("org", "rotate", organisation).stdout.splitlines()]
    assert sorted(replaced for replaced, _ in lines) == sorted(each["key"].split("_")[1] for each in made)
    assert all(key.startswith("psk_") for _, key in lines)
    assert penstock.run("tenant", "revoke", teams[0]).stdout == "3 keys are revoked\n"
    assert penstock.run("org", "revoke", organisation).stdout == "3 keys are revoked\n"
    with penstock.client(made[0]["key"]) as client:
        until(lambda: _is_refused(client), "the refusal of a revoked key", within=1.0)


def test_a_tenant_that_is_disabled_is_told_so_until_it_is_enabled(penstock: Penstock, team: str) -> None:
    with penstock.client(penstock.create_key(team)) as client:
        ask(client)
        assert penstock.run("tenant", "disable", team).returncode == 0
        until(lambda: _code_or_none(client) == "permission_denied", "the refusal of a disabled tenant", within=1.0)
        assert penstock.run("tenant", "enable", team).returncode == 0
        until(lambda: _code_or_none(client) is None, "the end of it", within=1.0)


async def test_a_producers_credentials_are_handed_out_cut_off_let_in_again_and_revoked(
    penstock: Penstock, admin: Admin, team: str
) -> None:
    organisation = admin.post("/organisations", id=f"org-{team}")["id"]
    team = admin.post("/tenants", id=f"{team}-p", organisation=organisation)["id"]
    made = admin.post(f"/tenants/{team}/nats_creds", expires_at=4_102_444_800)
    gone = asyncio.Event()

    async def on_disconnected() -> None:
        gone.set()

    async def connect() -> Client:
        user = as_user(read_creds(made["creds"]))
        return await nats.connect(penstock.nats, allow_reconnect=False, disconnected_cb=on_disconnected, **user)

    for path in (f"/tenants/{team}", f"/organisations/{organisation}"):
        gone.clear()
        producer = await connect()
        admin.post(path, disabled=True)
        async with asyncio.timeout(10):
            await gone.wait()
        await producer.close()
        assert admin.refusal(f"/tenants/{team}/nats_creds") == (400, "tenant")
        with pytest.raises(nats.errors.Error):
            await connect()
        admin.post(path, disabled=False)
    assert penstock.run("tenant", "disable", team).returncode == 0
    with pytest.raises(nats.errors.Error):
        await connect()
    assert penstock.run("tenant", "enable", team).returncode == 0
    await (await connect()).close()
    admin.post(f"/tenants/{team}/nats_creds/revoke", user=made["user"])
    with pytest.raises(nats.errors.Error, match="Authorization Violation"):
        await connect()
    told = admin.get("/audit", kind="nats_creds", subject_id=team)["data"]
    assert [each["action"] for each in told] == ["revoked", *["opened", "closed"] * 3, "issued"]
    assert read_creds(made["creds"]).key.seed not in json.dumps(told)
    assert admin.refusal(f"/tenants/{team}/nats_creds", expires_at=1) == (400, "expires_at")


async def test_a_producer_is_bound_as_its_tenant_is(penstock: Penstock, admin: Admin, team: str) -> None:
    """And what it puts down to another tenant's key is put down to none."""
    admin.post(f"/tenants/{team}", models=["sim-small"])
    foreign = penstock.key.split("_")[1]
    producer = await penstock.connect()
    try:
        for model, event in (("sim-claude-small", "failed"), ("sim-small", "completed")):
            request_id = uuid.uuid4().hex
            body = {"request_id": request_id, "tenant": "default", "request": {"model": model, "messages": HELLO}}
            headers = {envelope.MSG_ID: request_id, envelope.TENANT: "default", envelope.KEY_ID: foreign}
            await producer.jetstream().publish(
                subjects.requested("interactive", team), orjson.dumps(body), headers=headers
            )
            ended = await eventually(partial(penstock.terminals, team, request_id), within=15)
            assert ended == {event: 1}
        (row,) = penstock.ledger(request_id)
        assert (row["tenant_id"], row["key_id"]) == (team, None)
    finally:
        await producer.close()


@pytest.mark.parametrize("path", ["/organisations", "/tenants", "/keys"])
def test_sql_in_every_field_is_text_or_refused(admin: Admin, path: str) -> None:
    for body in ({"id": SQL}, {"id": "a", "organisation": SQL}, {"tenant": SQL}, {"tenant": "a", "scopes": [SQL]}):
        assert admin.refusal(path, **body)[0] == 400
    assert admin.refusal(f"{path}/{quote(SQL, safe='')}", name=SQL)[0] == 404
    assert admin.get(path, limit=1)["data"]


def test_headers_that_do_not_end_are_refused_and_the_server_goes_on(penstock: Penstock) -> None:
    address = urlsplit(penstock.api)
    for head in (b"x-long: " + b"a" * 2_000_000, b"".join(b"x-%d: a\r\n" % n for n in range(20_000)) + b"\r\n"):
        with socket.create_connection((address.hostname, address.port), timeout=30) as connection:
            sent = b"GET /v1/models HTTP/1.1\r\nhost: x\r\n" + head
            assert _answer(connection, sent).startswith(b"HTTP/1.1 431 ")
    long_key = httpx2.get(f"{penstock.base_url}/models", headers={"authorization": f"Bearer psk_a_{'b' * 30_000}"})
    assert long_key.status_code == 401
    assert penstock.get("/healthz").status_code == 200


def test_an_answer_that_is_purged_is_made_anew(penstock: Penstock, admin: Admin, team: str) -> None:
    with penstock.client(penstock.create_key(team)) as client:

        def status() -> str:
            asked = client.chat.completions.with_raw_response.create(model="sim-small", messages=HELLO)
            return str(asked.headers["x-penstock-cache"])

        assert status() == "miss"
        until(lambda: status() == "hit", "the answer from the cache", within=10)
        assert admin.delete(f"/cache?tenant={team}&index=vs_none")["entries"] == 0
        assert status() == "hit"
        assert admin.delete(f"/cache?tenant={team}") == {"object": "cache.purged", "tenant": team, "entries": 1}
        assert status() == "miss"
        until(lambda: status() == "hit", "the answer from the cache", within=10)
        purged = json.loads(penstock.run("cache", "purge", team, "--json").stdout)
        assert purged == {"tenant": team, "entries": 1}
        assert status() == "miss"
    actors = {
        change["actor"].partition(":")[0] for change in admin.get("/audit", kind="cache", subject_id=team)["data"]
    }
    assert actors == {"key", "cli"}


def test_a_key_may_go_without_the_cache(penstock: Penstock, admin: Admin, team: str) -> None:
    made = admin.post("/keys", tenant=team, cached=False)

    def status(client: OpenAI) -> str:
        asked = client.chat.completions.with_raw_response.create(model="sim-small", messages=HELLO)
        return str(asked.headers["x-penstock-cache"])

    with penstock.client(made["key"]) as without, penstock.client(penstock.create_key(team)) as usual:
        assert [status(without), status(without)] == ["bypass", "bypass"]
        assert status(usual) == "miss", "nothing of it was kept"
        until(lambda: status(usual) == "hit", "the answer from the cache", within=10)
        assert status(without) == "bypass"
        assert json.loads(penstock.run("key", "update", made["id"], "--cached", "--json").stdout)["cached"] is True
        assert status(without) == "hit"


def test_the_commands_show_what_there_is(penstock: Penstock, team: str) -> None:
    key = penstock.create_key(team, "search")
    for option, is_set in (("--expires=90d", True), ("--never-expires", False)):
        changed = json.loads(penstock.run("key", "update", key.split("_")[1], option, "--json").stdout)
        assert (changed["expires_at"] is not None) is is_set
    listed = json.loads(penstock.run("key", "list", "--tenant", team, "--json").stdout)
    assert [(each["id"], each["scopes"]) for each in listed] == [(key.split("_")[1], ["search"])]
    assert team in penstock.run("tenant", "list").stdout
    assert penstock.run("org", "show", "default", "--json").stdout
    told = json.loads(penstock.run("audit", "list", "--subject", key.split("_")[1], "--json").stdout)
    assert [(each["action"], each["actor"].partition(":")[0]) for each in told] == [
        ("updated", "cli"),
        ("updated", "cli"),
        ("created", "cli"),
    ]
    assert "scopes: search" in penstock.run("audit", "list", "--subject", key.split("_")[1]).stdout
    makes_tenant = ["key", "create", "--tenant", f"{team}-new"]
    assert [penstock.run(*makes_tenant).stderr.startswith("There was no tenant") for _ in range(2)] == [True, False]
    for wrong in (("key", "create", "--scope", "everything"), ("key", "show", SQL), ("tenant", "show", "nobody")):
        done = penstock.run(*wrong)
        assert done.returncode == 1
        assert done.stderr.startswith("penstock: ")


def test_logins_that_fail_are_logged_without_the_secret(penstock: Penstock) -> None:
    key_id, secret = uuid.uuid4().hex[:16], uuid.uuid4().hex
    with penstock.client(f"psk_{key_id}_{secret}") as client:
        assert _is_refused(client)

    def line() -> dict[str, Any] | None:
        return next((json.loads(each) for each in penstock.log_lines("api") if key_id in each), None)

    told = until(line, "the log of a failed login")
    assert (told["event"], told["reason"], told["address"]) == ("login_failed", "unknown", "127.0.0.1")
    assert secret not in json.dumps(told)
    assert 'penstock_failed_logins_total{reason="unknown"}' in penstock.get("/metrics").text


def _code_or_none(client: OpenAI) -> str | None:
    try:
        ask(client)
    except openai.APIStatusError as error:
        return error.code
    return None


def _is_refused(client: OpenAI) -> bool:
    return _code_or_none(client) == "invalid_api_key"


def _answer(connection: socket.socket, sent: bytes) -> bytes:
    """What comes back, if only while it is still being sent."""
    with suppress(ConnectionError):
        connection.sendall(sent)
    return connection.recv(4096)


def test_a_budget_that_is_spent_stops_its_tenant_until_there_is_more(
    penstock: Penstock, admin: Admin, team: str
) -> None:
    key = penstock.create_key(team)
    budget = admin.post("/budgets", kind="tenant", subject_id=team, period="total", amount_usd="0.0000001")
    at = f"/budgets/{budget['id']}"
    with penstock.client(key).with_options(max_retries=2) as client:
        with pytest.raises(openai.RateLimitError) as raised:
            ask(client)
        error = raised.value
        assert (error.code, error.type) == ("insufficient_quota", "insufficient_quota")
        assert f"the budget of this tenant, {budget['amount_usd']} dollars in total" in error.message
        # The SDK has not asked again: nothing is there of its own accord a second later.
        assert error.response.headers["x-should-retry"] == "false"
        assert error.response.request.headers["x-stainless-retry-count"] == "0"
        assert admin.post(at, amount_usd="100", alert_shares=[0.5], webhook_url="")["alert_shares"] == [0.5]
        ask(client)
    until(lambda: admin.get(at)["spent_usd"] != "0" and admin.get(at)["reserved_usd"] == "0", "the row to be settled")
    listed = json.loads(penstock.run("budget", "list", "--kind", "tenant", "--subject", team, "--json").stdout)
    assert [(each["id"], each["amount_usd"]) for each in listed] == [(budget["id"], "100")]
    assert admin.get("/budgets", subject_id=team)["data"][0]["id"] == budget["id"]
    assert admin.refusal("/budgets", kind="tenant", subject_id=team, period="day", amount_usd="-1") == (
        400,
        "amount_usd",
    )
    assert penstock.run("budget", "update", budget["id"], "--amount", "7", "--alert-at", "0.9").returncode == 0
    assert penstock.run("budget", "delete", budget["id"]).returncode == 0
    assert admin.refusal(at, amount_usd="8") == (404, None)
    told = admin.get("/audit", kind="budget", subject_id=budget["id"])["data"]
    assert [each["action"] for each in told] == ["deleted", "updated", "updated", "created"]
    assert (told[1]["before"]["amount_usd"], told[1]["after"]["alert_shares"]) == ("100.0000000000", ["0.9000"])


def test_a_limit_counts_from_when_it_is_set_and_no_longer_than_until_it_is_deleted(
    penstock: Penstock, admin: Admin, team: str
) -> None:
    made = admin.post("/limits", kind="tenant", subject_id=team, requests_per_minute=1)
    with penstock.client(penstock.create_key(team)) as client:
        ask(client)
        with pytest.raises(openai.RateLimitError):
            ask(client)
        assert admin.post("/limits", kind="tenant", subject_id=team, requests_per_minute=2)["id"] == made["id"]
        ask(client)
        with pytest.raises(openai.RateLimitError):
            ask(client)
        assert admin.get("/limits", subject_id=team)["data"] == [admin.get(f"/limits/{made['id']}")]
        assert admin.delete(f"/limits/{made['id']}")["deleted"]
        ask(client)
    assert admin.refusal("/limits", kind="tenant", subject_id=team) == (400, "requests_per_minute")
    told = admin.get("/audit", kind="limit", subject_id=made["id"])["data"]
    assert [each["action"] for each in told] == ["deleted", "updated", "created"]
