"""The `penstock` command and its sub-commands."""

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(
    name="penstock",
    help="An event-driven LLM platform on NATS JetStream.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


def run() -> None:
    """The entry point: a failure that we know ends in one sentence and an exit status, not in a traceback."""
    from cli.beside import adopt
    from cli.failures import exit_code_of, sentence_of

    adopt(next(iter(sys.argv[1:]), ""), os.environ)
    try:
        app()
    except Exception as error:
        sentence = sentence_of(error)
        if sentence is None:
            raise
        sys.stderr.write(f"penstock: {sentence}\n")
        sys.exit(exit_code_of(error))


@app.command()
def up(  # noqa: PLR0913, PLR0917 - the options of a command
    data_dir: Annotated[Path, typer.Option(help="Where everything is kept.")] = Path(".penstock"),
    host: Annotated[str, typer.Option(help="Where the API listens.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="The API's port.")] = 8080,
    nats_port: Annotated[int, typer.Option(help="The port of NATS, on loopback.")] = 4222,
    postgres_port: Annotated[int, typer.Option(help="The port of PostgreSQL, on loopback.")] = 15432,
    simulator_port: Annotated[int, typer.Option(help="The port of the model simulator, on loopback.")] = 8081,
    metrics_port: Annotated[int, typer.Option(help="The first of the workers' ports for metrics; 0: free ones.")] = 0,
    processes: Annotated[bool, typer.Option("--processes", help="Each worker in a process of its own.")] = False,
    catalog: Annotated[Path | None, typer.Option(help="A model catalogue, instead of what is found.")] = None,
    ready_file: Annotated[Path | None, typer.Option(help="Written as JSON when everything is ready.")] = None,
) -> None:
    """Run everything on this machine: NATS, PostgreSQL, the API and all workers."""
    from cli.options import UpOptions
    from cli.supervise import become_supervisor

    options = UpOptions(
        data_dir=data_dir,
        host=host,
        port=port,
        nats_port=nats_port,
        postgres_port=postgres_port,
        simulator_port=simulator_port,
        metrics_port=metrics_port,
        processes=processes,
        catalog=catalog,
        ready_file=ready_file,
    )
    become_supervisor(options)


@app.command()
def api() -> None:
    """Run one API process, against PENSTOCK_NATS_URL and PENSTOCK_DATABASE_URL."""
    from api.bootstrap import run_api
    from infra.runtime import run as run_process
    from infra.settings import load_settings
    from infra.telemetry.logs import configure_logging

    settings = load_settings()
    run_process(run_api(settings, configure_logging("api", settings.log_level)))


@app.command()
def worker(
    name: Annotated[str, typer.Argument(help="One of the workers, such as chunking, or all.")],
) -> None:
    """Run one worker, or all in one process, against PENSTOCK_NATS_URL and PENSTOCK_DATABASE_URL."""
    from infra.runtime import run as run_process
    from infra.settings import load_settings
    from infra.telemetry.logs import configure_logging
    from workers.bootstrap import run_workers
    from workers.names import WORKERS

    if name not in (*WORKERS, "all"):
        raise typer.BadParameter(f"there is no worker «{name}»; there are {', '.join(WORKERS)}, and all")
    settings = load_settings()
    names = WORKERS if name == "all" else (name,)
    run_process(run_workers(names, settings, configure_logging(f"worker-{name}", settings.log_level)))


@app.command()
def setup(
    key_file: Annotated[
        Path | None, typer.Option(help="Where a first key is written, for its owner only; else it is printed.")
    ] = None,
) -> None:
    """Make streams, consumers and database what this version needs; make a first key where there is none."""
    import asyncio

    import orjson

    from cli.setup import put_away, set_up
    from infra.settings import load_settings

    made = asyncio.run(set_up(load_settings()))
    told = made if key_file is None else put_away(made, key_file)
    sys.stdout.write(orjson.dumps(told).decode() + "\n")


@app.command("nats-auth")
def nats_auth(
    directory: Annotated[Path, typer.Argument(help="Where the secrets are kept, and what a server includes.")],
    accounts_dir: Annotated[
        Path | None, typer.Option(help="Where the server keeps accounts, as it sees it; accounts/ in the directory.")
    ] = None,
) -> None:
    """Make what a NATS server and Penstock's processes need, so that nobody else may connect; again at any time."""
    from infra.nats_auth.files import NatsAuthFiles
    from infra.nats_auth.generate import generate

    generate(NatsAuthFiles(directory), accounts_dir)


@app.command()
def simulate(
    host: Annotated[str, typer.Option(help="Where it listens.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="0 takes a free one.")] = 8081,
    latency_ms: Annotated[float, typer.Option(min=0, help="Before the first token.")] = 0.0,
    tokens_per_second: Annotated[float, typer.Option(min=0, help="0 is as fast as it goes.")] = 0.0,
) -> None:
    """Run the model simulator: OpenAI's and Anthropic's chat APIs, with faults by the model's name."""
    from infra.simulator.options import SimulatorOptions
    from infra.simulator.server import run as run_simulator

    options = SimulatorOptions(host=host, port=port, latency_ms=latency_ms, tokens_per_second=tokens_per_second)
    run_simulator(options, lambda url: typer.echo(f"the simulator listens on {url}"))


def _mount() -> None:
    from cli.access.audit import app as audit
    from cli.access.budgets import app as budgets
    from cli.access.keys import app as keys
    from cli.access.limits import app as limits
    from cli.access.nats import nats_creds, nats_revoke
    from cli.access.organisations import app as organisations
    from cli.access.tenants import app as tenants
    from cli.cache import app as cache
    from cli.config import app as config
    from cli.contracts import app as contracts
    from cli.dead_letters import app as dead_letters
    from cli.evaluate import evaluate
    from cli.ingest.command import ingest
    from cli.reindex import app as reindex
    from cli.route.command import app as route
    from cli.search import search
    from cli.stores import app as stores
    from cli.trace.command import trace
    from cli.usage.command import usage

    app.command("ingest")(ingest)
    app.command("search")(search)
    app.command("eval")(evaluate)
    tenants.command("nats-creds")(nats_creds)
    tenants.command("nats-revoke")(nats_revoke)
    app.command("usage")(usage)
    app.command("trace")(trace)
    app.add_typer(stores, name="store", help="Vector stores: what they hold, their index versions.")
    app.add_typer(reindex, name="reindex", help="Build a store's next index version while the live one serves.")
    app.add_typer(route, name="route", help="The prompt router: what it takes a prompt for, and how often it is right.")
    app.add_typer(organisations, name="org", help="Organisations: who pays for tenants.")
    app.add_typer(tenants, name="tenant", help="Tenants: teams, whose requests and whose money it is.")
    app.add_typer(audit, name="audit", help="Administrative changes: who, what, before, after.")
    app.add_typer(keys, name="key", help="API keys.")
    app.add_typer(limits, name="limit", help="How much passes of a key, a tenant or a model.")
    app.add_typer(cache, name="cache", help="Answers that are given again.")
    app.add_typer(budgets, name="budget", help="How much an organisation, tenant or key may spend.")
    app.add_typer(dead_letters, name="dlq", help="Messages that a stage gave up on.")
    app.add_typer(config, name="config", help="The model catalogue: check it, apply it, see it.")
    app.add_typer(contracts, name="contracts", help="JSON Schemas and AsyncAPI of the messages.")


_mount()
