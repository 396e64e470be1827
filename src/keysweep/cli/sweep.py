"""`keysweep sweep`."""

from __future__ import annotations

import math
import os
import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

import click

from keysweep.cli.databases import db_option, opened_store
from keysweep.cli.levels import fail_on_option
from keysweep.cli.operator import aws_endpoint
from keysweep.cli.operator import partitions as partition_option
from keysweep.cli.output import check_writable
from keysweep.cli.sizes import SIZE
from keysweep.cli.sweep_run import Wish, carry_out
from keysweep.errors import UsageError
from keysweep.findings import Severity

TYPE_CHECKING = False
if TYPE_CHECKING:
    from keysweep.notify.receivers import Receivers
    from keysweep.sweep.engines import Engine
    from keysweep.sweep.orders import Manner


@click.command()
@click.argument("target", metavar="TARGET")
@db_option
@click.option(
    "--resume", is_flag=True, help="Go on with the run of TARGET that has not ended; without one, begin."
)
@click.option("--verify", is_flag=True, help="Ask AWS which of the keys are live, once for each.")
@click.option(
    "--jobs",
    type=click.IntRange(1, 1024),
    help="Repositories at a time.  [default: two a core, or one for a directory]",
)
@click.option("--engine", type=click.Choice(["local", "dask"]), default="local", show_default=True)
@click.option("--scheduler", metavar="ADDRESS", help="With --engine dask: tcp://HOST:8786, or tls://.")
@click.option("--tls-ca", metavar="FILE", help="With tls://: certificates that the scheduler's is signed by.")
@click.option("--tls-cert", metavar="FILE", help="With tls://: our certificate.")
@click.option("--tls-key", metavar="FILE", help="With tls://: its key.")
@click.option("--include", metavar="GLOB", multiple=True, help="Only repositories with such a name; repeatable.")
@click.option("--exclude", metavar="GLOB", multiple=True, help="No repositories with such a name; repeatable.")
@click.option("--topic", metavar="TOPIC", multiple=True, help="Only repositories with this topic; repeatable.")
@click.option("--most-size", type=SIZE, metavar="SIZE", help="No repositories that are larger, such as 5GB.")
@click.option("--pushed-since", type=click.DateTime(["%Y-%m-%d"]), help="Only what was pushed to since that day.")
@click.option("--no-forks", is_flag=True, help="Leave forks out.")
@click.option("--no-archived", is_flag=True, help="Leave archived repositories out.")
@click.option("--no-wikis", is_flag=True, help="Leave wikis out.")
@click.option("--no-snippets", is_flag=True, help="Leave gists and snippets out.")
@click.option("--mirrors", metavar="DIR", help="Where mirrors are kept.  [default: in your cache directory]")
@click.option(
    "--disk-budget", type=SIZE, default="50GB", show_default=True, metavar="SIZE", help="For all mirrors together."
)
@click.option("--attempts", type=click.IntRange(1, 20), default=3, show_default=True, help="For each repository.")
@click.option(
    "--most-minutes",
    type=click.FloatRange(0, 100_000, min_open=True),
    callback=lambda _context, _option, value: _finite(value),
    default=360,
    show_default=True,
    help="For one repository.",
)
@click.option("--notify", "notifies", is_flag=True, help="Tell the receivers in notify.toml what is new.")
@click.option("--config", metavar="FILE", type=click.Path(path_type=Path), help="Limits and rules of your own.")
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True)
@click.option("--output", metavar="FILE", help="Write the report to FILE, whole or not at all.")
@click.option("--json-progress", is_flag=True, help="Tell progress on standard error as JSON, a line a second.")
@fail_on_option
@partition_option
@aws_endpoint
def sweep(
    target: str,
    db: str | None,
    resume: bool,
    verify: bool,
    jobs: int | None,
    engine: str,
    scheduler: str | None,
    tls_ca: str | None,
    tls_cert: str | None,
    tls_key: str | None,
    include: tuple[str, ...],
    exclude: tuple[str, ...],
    topic: tuple[str, ...],
    most_size: int | None,
    pushed_since: datetime | None,
    no_forks: bool,
    no_archived: bool,
    no_wikis: bool,
    no_snippets: bool,
    mirrors: str | None,
    disk_budget: int,
    attempts: int,
    most_minutes: float,
    notifies: bool,
    config: Path | None,
    form: str,
    output: str | None,
    json_progress: bool,
    fail_on: str,
    partitions: tuple[str, ...],
    aws_endpoint: str | None,
) -> int:
    """Find leaked AWS keys in every repository of an organisation, and keep what was found in a store.

    TARGET is github:ORG, gitlab:GROUP, bitbucket:WORKSPACE, gitea:https://HOST/ORG, azure:ORG, a directory with
    mirrors, a file with addresses, or - for such a list on standard input. Tokens come from the environment or
    from git's credential helper.

    Each repository is mirrored and all of its history is scanned; the next time only what is new. Interrupt it
    whenever you like: what is recorded stays, and --resume goes on.

    \b
    Examples:
      keysweep sweep github:acme --verify
      keysweep sweep gitlab:https://gitlab.example.com/platform --exclude '*-archive' --jobs 8
      keysweep sweep ~/mirrors --db leaks.db --format json --output sweep.json
      keysweep sweep github:acme --resume
      keysweep sweep github:acme --engine dask --scheduler tcp://scheduler:8786

    \b
    Exit codes:
      0  everything was swept, and no leak at or above --fail-on needs anybody
      1  some leak does: it is open, and not known to be harmless
      2  wrong usage or configuration
      3  incomplete: something could not be listed, read or asked, or it was interrupted
    """
    if (aws_endpoint or partitions) and not verify:
        raise UsageError("--aws-endpoint and --partition go with --verify: nothing else of a sweep asks AWS.")
    tls = (tls_ca, tls_cert, tls_key)
    if engine == "dask" and not scheduler:
        raise UsageError("--engine dask needs --scheduler ADDRESS, which `dask scheduler` prints when it starts.")
    if engine != "dask" and (scheduler or any(tls)):
        raise UsageError("--scheduler and --tls go with --engine dask.")
    if any(tls) and not all(tls):
        raise UsageError("--tls-ca, --tls-cert and --tls-key go together: give all three.")
    if output:
        check_writable(output)
    receivers = _receivers() if notifies else None
    with opened_store(db) as store:
        from keysweep.sweep.inventory.filters import Filters
        from keysweep.sweep.inventory.targets import target as understood

        wanted = Filters(
            include=include,
            exclude=exclude,
            topics=topic,
            most_bytes=most_size,
            pushed_since=pushed_since.astimezone() if pushed_since else None,
            forks=not no_forks,
            archived=not no_archived,
            wikis=not no_wikis,
            snippets=not no_snippets,
        )
        wish = Wish(
            understood(target),
            wanted,
            resume,
            (partitions or ("aws",)) if verify else (),
            aws_endpoint,
            attempts,
            Severity[fail_on.upper()],
            receivers,
            _again(target, db, mirrors),
        )
        manner = _manner(mirrors, disk_budget, config)
        cores = os.cpu_count() or 1
        workers = jobs or (cores if wish.target.kind == "directory" else 2 * cores)  # one scans while one waits
        with _engine(engine, workers, most_minutes * 60, scheduler, tls) as started:
            return carry_out(store, wish, manner, started, engine, form, output, json_progress=json_progress)


def _again(target: str, db: str | None, mirrors: str | None) -> str:
    given = [*(("--db", db) if db else ()), *(("--mirrors", mirrors) if mirrors else ())]
    return shlex.join(["keysweep", "sweep", target, *given, "--resume"])


def _finite(value: float) -> float:
    if not math.isfinite(value):
        raise click.BadParameter("write a number of minutes.")
    return value


def _receivers() -> Receivers:
    """Those in the user's notify.toml; ConfigError or UsageError now rather than after hours."""
    from keysweep.cli.notify import receivers_of
    from keysweep.notify.run import check

    receivers = receivers_of(None)
    if not receivers.chosen(()):
        raise UsageError(
            "--notify has nobody to tell: describe a receiver in notify.toml (docs/notifications.md)."
        )
    check(receivers, os.environ)
    return receivers


def _manner(mirrors: str | None, budget_bytes: int, config: Path | None) -> Manner:
    from keysweep import cache
    from keysweep.cli.settled import load_settings
    from keysweep.settings import Settings
    from keysweep.sweep.mirrors import Mirrors
    from keysweep.sweep.orders import Manner

    settings = load_settings(config.parent, config) if config else Settings()
    place = os.path.abspath(mirrors) if mirrors else None
    if place is None:
        home = cache.directory()
        if home is None:
            raise UsageError("there is no home directory in which mirrors could be kept: name one with --mirrors.")
        place = os.path.join(home, "mirrors")
    return Manner(Mirrors(place, budget_bytes), settings.limits, settings.options())


@contextmanager
def _engine(
    name: str, workers: int, most_seconds: float, scheduler: str | None, tls: tuple[str | None, ...]
) -> Iterator[Engine]:
    engine: Engine
    if name == "dask":
        from keysweep.sweep.engines.dask import DaskEngine, Tls

        engine = DaskEngine(scheduler or "", most_seconds, Tls(*map(str, tls)) if all(tls) else None)
    else:
        from keysweep.sweep.engines.local import LocalEngine

        engine = LocalEngine(workers, most_seconds)
    is_done = False
    try:
        yield engine
        is_done = True
    finally:
        engine.shutdown(wait=is_done, cancel_futures=True)
