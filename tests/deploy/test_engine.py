"""compose.yaml with a real engine: built, started, asked, a worker killed, stopped. `make test-engine`.

Nothing is pulled: an image that isn't there is a reason to skip. The servers that only show what happens (collector,
Jaeger, Prometheus, Grafana) are not started here.
"""

import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from openai import APIError, OpenAI

from infra.embedded.ports import free_ports
from tests.support.compose import COMPOSE, ROOT, image, services
from workers.names import WORKERS

pytestmark = [pytest.mark.docker, pytest.mark.timeout(1800)]

FLAG, PATIENCE = "PENSTOCK_TEST_ENGINE", "PENSTOCK_TEST_ENGINE_SECONDS"
STARTED = ["api", "simulator", *(f"worker-{name}" for name in WORKERS)]
FIRST_KEY = "/var/lib/penstock/operator/first.key"
POWERS = """
import os, psycopg
with psycopg.connect(os.environ["PENSTOCK_DATABASE_URL"]) as connection:
    print(*connection.execute("SELECT rolsuper, rolbypassrls FROM pg_roles WHERE rolname = current_user").fetchone())
"""
"""Whether the login of our processes is a superuser, and whether row-level security leaves it out."""
OTHERS_CHECK = "services: {nats: {healthcheck: {test: [CMD, /nats-server, --version]}}}\n"
"""For a nats image without a shell and so without wget; whether the server is well is then for set-up to find out."""
NO_COLLECTOR = yaml.safe_dump(
    {"services": {n: {"environment": {"OTEL_EXPORTER_OTLP_ENDPOINT": ""}} for n in STARTED if n != "simulator"}}
)


def reason_to_skip() -> str | None:
    if not os.environ.get(FLAG):
        return f"takes minutes: make test-engine sets {FLAG}"
    if shutil.which("docker") is None or not _succeeds("docker", "info"):
        return "no Docker engine answers"
    if not _composes():
        return "neither docker compose nor docker-compose is installed"
    python = next(
        line for line in (ROOT / "Dockerfile").read_text().splitlines() if line.startswith("ARG PYTHON_IMAGE")
    )
    wanted = [python.split("=", 1)[1], image("nats"), image("postgres")]
    missing = [name for name in wanted if not _succeeds("docker", "image", "inspect", name)]
    return f"images are not here, and nothing is pulled: {', '.join(missing)}" if missing else None


def _succeeds(*command: str) -> bool:
    return subprocess.run(command, check=False, capture_output=True, timeout=60).returncode == 0


def _composes() -> list[str] | None:
    if _succeeds("docker", "compose", "version"):
        return ["docker", "compose"]
    return ["docker-compose"] if shutil.which("docker-compose") else None


class Deployment:
    """One project of compose.yaml on ports of its own."""

    def __init__(self, home: Path) -> None:
        self.port, nats_port = free_ports(2)
        subprocess.run(["sh", ROOT / "infra" / "docker" / "compose-env.sh", home / "env"], check=True)
        files = [COMPOSE, _written(home / "telemetry.yaml", NO_COLLECTOR)]
        if not _succeeds("docker", "run", "--rm", "--entrypoint", "sh", image("nats"), "-c", "true"):
            files.append(_written(home / "nats.yaml", OTHERS_CHECK))
        self.project = f"penstock-test-{os.getpid()}"
        options = [f"--file={file}" for file in files]
        self._command = [*(_composes() or []), *options, f"--env-file={home / 'env'}", f"--project-name={self.project}"]
        self._environ = {**os.environ, "PENSTOCK_PORT": str(self.port), "PENSTOCK_NATS_PORT": str(nats_port)}

    def run(self, *arguments: str, within: float = 600.0) -> str:
        command = [*self._command, *arguments]
        how = {"cwd": ROOT, "env": self._environ, "capture_output": True, "text": True, "timeout": within}
        done = subprocess.run(command, check=False, **how)
        assert done.returncode == 0, done.stderr[-2000:]
        return done.stdout

    def container(self, service: str) -> dict:
        """What the engine says of a service's container."""
        name = self.run("ps", "-q", service).strip()
        inspected = subprocess.run(["docker", "inspect", name], check=True, capture_output=True, text=True, timeout=60)
        return json.loads(inspected.stdout)[0]

    def client(self) -> OpenAI:
        key = self.run("run", "--rm", "--no-deps", "--entrypoint", "cat", "setup", FIRST_KEY).strip()
        return OpenAI(base_url=f"http://127.0.0.1:{self.port}/v1", api_key=key, max_retries=0, timeout=60)


def _written(file: Path, text: str) -> Path:
    file.write_text(text, encoding="utf-8")
    return file


def ask(client: OpenAI, text: str, within: float) -> str:
    """The answer, asked for again until the API is there. Raises the last error."""
    until = time.monotonic() + within
    while True:
        try:
            answer = client.chat.completions.create(model="sim-small", messages=[{"role": "user", "content": text}])
        except APIError:
            if time.monotonic() > until:
                raise
            time.sleep(0.5)
        else:
            return answer.choices[0].message.content or ""


@pytest.fixture(scope="module")
def deployment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    if (reason := reason_to_skip()) is not None:
        pytest.skip(reason)
    made = Deployment(tmp_path_factory.mktemp("deployment"))
    made.run("config", "--quiet")
    made.run("build", "setup", within=1500)
    try:
        yield made
    finally:
        made.run("down", "--volumes", "--remove-orphans")


def test_from_nothing_to_a_worker_killed_to_nothing(deployment: Deployment, capsys: pytest.CaptureFixture[str]):
    allowed = float(os.environ.get(PATIENCE, "60"))
    began = time.monotonic()
    deployment.run("up", "-d", "--no-build", *STARTED)
    client = deployment.client()
    assert ask(client, "first", allowed)
    took = time.monotonic() - began
    with capsys.disabled():
        print(f"\nfirst answer {took:.1f} s after docker compose up (load {os.getloadavg()[0]:.1f})")
    assert took < allowed

    logs = deployment.run("logs", "--no-color")
    assert client.api_key not in logs
    assert deployment.container("worker-cache")["HostConfig"]["ReadonlyRootfs"] is True

    assert deployment.run("exec", "-T", "api", "python", "-c", POWERS).split() == ["False", "False"]

    before = deployment.container("worker-cache")["State"]
    # A container that the engine was told to kill is not started again; one whose process dies is.
    os.kill(before["Pid"], signal.SIGKILL)
    assert ask(client, "asked while the cache's worker is away", allowed)
    after = deployment.container("worker-cache")
    assert after["RestartCount"] == 1
    assert after["State"]["Pid"] != before["Pid"]

    deployment.run("stop")
    codes = {name: deployment.container(name)["State"]["ExitCode"] for name in STARTED}
    assert codes == dict.fromkeys(STARTED, 0), "each drained and ended by itself"
    assert set(STARTED) <= set(services())
