"""Stands in for the `penstock` command under `penstock up`: processes that do nothing but start, answer and stop.

Environment: STAND_IN_DIR, where each makes `<name>.up`, and adds its name to `order` when it is stopped;
STAND_IN_SETUP, STAND_IN_API and STAND_IN_WORKER are `fail` (exit with code 1 and a sentence), `stay` (ignore SIGTERM)
or `crash` (end when the platform is ready).
"""

import asyncio
import json
import os
import signal
import sys
from pathlib import Path

HOME = Path(os.environ["STAND_IN_DIR"])


async def main(arguments: list[str]) -> int:
    command = arguments[0]
    mode = os.environ.get(f"STAND_IN_{command.upper()}")
    if mode == "fail":
        sys.stderr.write(f"a line before\n{command} can't go on: it was told so.\n")
        return 1
    if command == "setup":
        return set_up()
    if command == "nats-auth":
        # What signs takes half a second to load, and there are a hundred of us.
        from infra.nats_auth.files import NatsAuthFiles
        from infra.nats_auth.generate import generate

        generate(NatsAuthFiles(Path(arguments[1])))
        return 0
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, (lambda: None) if mode == "stay" else stop.set)
    if command == "simulate":
        await listen(int(arguments[arguments.index("--port") + 1]), "/healthz")
    if command == "api":
        await listen(int(os.environ["PENSTOCK_API_PORT"]), "/readyz")
    if mode == "crash":
        return await crash(command)
    name = "-".join(arguments[:2] if command == "worker" else arguments[:1])
    (HOME / f"{name}.up").touch()
    await stop.wait()
    with (HOME / "order").open("a", encoding="utf-8") as order:
        order.write(f"{name}\n")
    return 0


async def crash(command: str) -> int:
    while not (HOME / "ready.json").exists():  # noqa: ASYNC110
        await asyncio.sleep(0.02)
    sys.stderr.write(f"{command} lost its mind\n")
    return 1


def set_up() -> int:
    """A key at the first time."""
    mark = HOME / "key-made"
    sys.stdout.write(json.dumps({"api_key": None if mark.exists() else "psk_first_secret", "tenant": "default"}) + "\n")
    mark.touch()
    return 0


async def listen(port: int, path: str) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request = await reader.readuntil(b"\r\n\r\n")
        status = b"200 OK" if request.startswith(f"GET {path} ".encode()) else b"404 Not Found"
        writer.write(b"HTTP/1.1 %s\r\nContent-Length: 0\r\n\r\n" % status)
        writer.close()

    await asyncio.start_server(answer, "127.0.0.1", port)


if __name__ == "__main__":
    sys.exit(asyncio.run(main(sys.argv[1:])))
