"""The platform's processes one by one, and a provider that keeps what it is sent."""

import json
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import nats

from tests.e2e.running import PENSTOCK, Process, spawn
from tests.support import forks


@dataclass(slots=True)
class Recorder:
    """A provider that answers always the same and keeps what it was sent."""

    url: str
    bodies: list[dict[str, Any]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)


@contextmanager
def recorder() -> Iterator[Recorder]:
    """A recorder on a free loopback port."""
    answer = {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1,
        "model": "recorded",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": "Noted."}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3},
        "a_field_of_tomorrow": {"depth": 2},
    }

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            recorded.bodies.append(json.loads(self.rfile.read(int(self.headers["content-length"]))))
            recorded.headers.append({name.lower(): value for name, value in self.headers.items()})
            body = json.dumps(answer).encode()
            self.send_response(200)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Quiet."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        recorded = Recorder(f"http://127.0.0.1:{server.server_address[1]}")
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        try:
            yield recorded
        finally:
            server.shutdown()
            thread.join()


class Processes:
    """The platform's processes, each started and stopped by its name.

    `from_nothing`: each is an interpreter that starts, as an orchestrator starts it.
    """

    def __init__(self, home: Path, environ: dict[str, str], *, from_nothing: bool = False) -> None:
        self.home = home
        self.environ = environ
        self.running: dict[str, Process] = {}
        self._from_nothing = from_nothing

    def start(self, *command: str) -> None:
        """`penstock` with this command; what it says goes to a log file of its name."""
        name = "-".join(command)
        log = self.home / f"{name}.log"
        if self._from_nothing:
            self.running[name] = spawn(PENSTOCK, *command, environ=self.environ, output=log)
        else:
            self.running[name] = forks.start(command, self.environ, log)

    def stop(self, *command: str) -> int:
        """As an orchestrator does it. The exit code."""
        process = self.running.pop("-".join(command))
        process.terminate()
        return process.wait(30)

    def kill(self, *command: str) -> None:
        """As nobody should."""
        process = self.running.pop("-".join(command))
        process.kill()
        process.wait()

    def stop_all(self) -> None:
        """Whatever happened before, none runs after this."""
        for process in self.running.values():
            process.terminate()
        for process in self.running.values():
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


async def delete_streams(url: str) -> None:
    """Whatever a NATS holds goes."""
    client = await nats.connect(url)
    for stream in await client.jetstream().streams_info():
        await client.jetstream().delete_stream(stream.config.name or "")
    await client.close()
