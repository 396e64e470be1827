"""`keysweep sweep`."""

from __future__ import annotations

import math
import os
import shlex
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from keysweep.cli.databases import db_option, opened_store
from keysweep.cli.interrupt import ENDINGS, CtrlC
from keysweep.cli.operator import aws_endpoint
from keysweep.cli.operator import partitions as partition_option
from keysweep.cli.output import check_writable, write_report
from keysweep.cli.sizes import SIZE
from keysweep.errors import ExitCode, KeysweepError, UsageError
from keysweep.findings import Severity
from keysweep.frozen import fields, frozen
from keysweep.report.style import Style, complaint

TYPE_CHECKING = False
if TYPE_CHECKING:
    from keysweep.cli.sweep_progress import Reporter
    from keysweep.notify.receivers import Receivers
    from keysweep.store.opening import Store
    from keysweep.sweep.campaign import Begun
    from keysweep.sweep.engines import Engine
    from keysweep.sweep.inventory.filters import Filters
    from keysweep.sweep.inventory.targets import Target
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
@click.option(
    "--fail-on",
    type=click.Choice([level.label for level in Severity]),
    default="medium",
    show_default=True,
    help="Least severity that makes exit code 1.",
)
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
        wish = _Wish(
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
            return _carry_out(store, wish, manner, started, engine, form, output, json_progress=json_progress)


@frozen
class _Wish:
    """What a run is to do."""

    target: Target
    wanted: Filters
    resume: bool
    partitions: tuple[str, ...]
    """Where AWS is asked; empty where it is not."""
    endpoint: str | None
    attempts: int
    fail_on: Severity
    receivers: Receivers | None
    """Whom to tell; None where nobody is to be told."""
    again: str
    """What to type to go on."""

    def described(self) -> dict[str, Any]:
        """What the run was asked for, as the store keeps it."""
        wanted = {name: getattr(self.wanted, name) for name in fields(type(self.wanted))}
        return {
            **{name: each.isoformat() if isinstance(each, datetime) else each for name, each in wanted.items()},
            "verify": list(self.partitions),
            "attempts": self.attempts,
        }


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


def _tell(store: Store, receivers: Receivers, endpoint: str | None, ctrl_c: CtrlC) -> bool:
    """Tell the receivers what is new, and say what came of it; False where one did not take it."""
    from keysweep.cli.notify import lines_of
    from keysweep.notify.run import tell

    told = tell(store, receivers, os.environ, endpoint=endpoint, goes_on=lambda: not ctrl_c.is_pressed)
    for line in lines_of(told, Style.detect(sys.stderr, os.environ)):
        click.echo(line, err=True)
    return not told.failed


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


def _carry_out(
    store: Store,
    wish: _Wish,
    manner: Manner,
    engine: Engine,
    engine_name: str,
    form: str,
    output: str | None,
    *,
    json_progress: bool,
) -> int:
    from keysweep.cli.sweep_progress import reporter
    from keysweep.cli.sweep_shown import Told, write
    from keysweep.store.turns import turn
    from keysweep.sweep import campaign

    failure: KeysweepError | None = None
    target = wish.target.text
    refusal = f"another sweep of {target} into {store.where} is going on: wait for it, or end it."
    with (
        turn(store, f"sweep {target}", 0, refusal),
        CtrlC(*ENDINGS) as ctrl_c,
        reporter(json_progress=json_progress) as report,
    ):
        begun = campaign.begin(store, wish.target, wish.described(), engine_name, resume=wish.resume)
        report.begin(begun.name, target, is_resumed=begun.is_resumed)
        try:
            _do(store, begun, wish, manner, engine, report, ctrl_c)
        except KeysweepError as error:
            if campaign.is_nothing_begun(store, begun.name):
                campaign.end(store, begun.name, is_interrupted=False)
                raise
            failure = error
        is_interrupted = ctrl_c.is_pressed or failure is not None
        counts = campaign.end(store, begun.name, is_interrupted=is_interrupted)
        report.end(counts)
    told = Told.of(store, begun.name, target, counts, wish.fail_on, wish.again if is_interrupted else "")
    write_report(output, lambda stream: write(told, stream, form, is_file=output is not None))
    all_told = wish.receivers is None or is_interrupted or _tell(store, wish.receivers, wish.endpoint, ctrl_c)
    if failure is not None:
        click.echo(complaint(failure), err=True)
    if told.to_do:
        return ExitCode.FINDINGS
    if failure is not None:
        return failure.exit_code
    return ExitCode.INCOMPLETE if told.is_incomplete or not all_told else ExitCode.CLEAN


def _do(
    store: Store, begun: Begun, wish: _Wish, manner: Manner, engine: Engine, report: Reporter, ctrl_c: CtrlC
) -> None:
    """All steps of the run, until somebody wants it to end."""
    from keysweep.cli.checks import remember
    from keysweep.cli.journalled import contained
    from keysweep.sweep import campaign
    from keysweep.sweep.run import Course, sweep_all

    def goes_on() -> bool:
        return not ctrl_c.is_pressed

    if not begun.is_listed:
        campaign.list_all(
            store,
            begun.name,
            wish.target,
            wish.wanted,
            on_progress=report.listing,
            on_wait=report.waiting,
            goes_on=goes_on,
        )
    if goes_on():
        course = Course(wish.attempts)
        sweep_all(store, begun.name, engine, manner, course=course, watch=report.sweeping, goes_on=goes_on)
    campaign.take_containments(store, contained()[0])
    if wish.partitions and goes_on():
        remember(
            campaign.ask_all(
                store,
                begun.name,
                engine,
                manner,
                wish.partitions,
                wish.endpoint,
                on_progress=report.asking,
                goes_on=goes_on,
            )
        )
