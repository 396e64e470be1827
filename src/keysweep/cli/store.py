"""`keysweep store`: what sweeps have recorded, looked at, carried from one database to another, and tidied."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, BinaryIO, TextIO

import click

from keysweep.cli.databases import db_option, opened_store
from keysweep.cli.output import check_writable, print_report, put_report
from keysweep.errors import ExitCode, IncompleteError, StoreError, UsageError
from keysweep.report.style import Style, size

if TYPE_CHECKING:
    from keysweep.store.health import About
    from keysweep.store.opening import Store

VIEW_NAMES = ("leak_overview", "place_overview", "repository_overview", "key_overview", "time_to_contain", "days")
"""Known here too, so that help needs nothing that may not be installed."""


@click.group()
def store() -> None:
    """Look at what sweeps have recorded, export and import it, and take out what is old."""


@store.command()
@db_option
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True)
def info(db: str | None, form: str) -> int:
    """Say where the store is, how large, and how much is in it.

    \b
    Examples:
      keysweep store info
      keysweep store info --db postgresql://keysweep@db.example.net/leaks --format json
    """
    with opened_store(db, must_exist=True) as opened:
        from keysweep.store.health import about

        told = about(opened)
    if form == "json":
        click.echo(json.dumps(_as_data(told), indent=2))
        return ExitCode.CLEAN
    style = Style.detect(sys.stdout, os.environ)
    click.echo(style.safe(f"{told.where}: {told.kind}, schema {told.schema}, {size(told.size_bytes)}"))
    width = max(len(name) for name in told.rows)
    for name, count in told.rows.items():
        click.echo(f"  {name:{width}}  {count:>12,}".replace(",", " "))
    click.echo(style.safe(f"newest run: {told.newest_run or 'none'}"))
    return ExitCode.CLEAN


def _as_data(told: About) -> dict[str, object]:
    return {
        "format": "keysweep-store-info",
        "version": 1,
        "store": told.where,
        "kind": told.kind,
        "schema": told.schema,
        "size_bytes": told.size_bytes,
        "rows": dict(told.rows),
        "newest_run": told.newest_run,
    }


@store.command()
@db_option
def check(db: str | None) -> int:
    """Check that the store is whole: its file, what rows name, and what they count.

    \b
    Exit codes:
      0  it is whole
      2  wrong usage or configuration
      3  it is damaged, or could not be read
    """
    style = Style.detect(sys.stdout, os.environ)
    with opened_store(db, must_exist=True) as opened:
        from keysweep.store.health import faults

        found = list(faults(opened))
        where = opened.where
    for each in found:
        click.echo(style.paint(style.safe(f"WRONG: {each}"), "yellow"))
    if found:
        raise StoreError(
            f"the store {where} is damaged: put a copy back, or export what can be read into a new one."
        )
    click.echo(style.safe(f"{where}: whole."))
    return ExitCode.CLEAN


@store.command()
@db_option
@click.argument("file", metavar="FILE|-")
@click.option("--format", "form", type=click.Choice(["jsonl", "csv"]), default="jsonl", show_default=True)
@click.option("--view", type=click.Choice(VIEW_NAMES), help="With --format csv: which view.")
def export(db: str | None, file: str, form: str, view: str | None) -> int:
    """Write the whole store as JSON Lines, for `store import`, or one of its views as CSV.

    No secret is in it, but where secrets stand is: FILE is for you alone.

    \b
    Examples:
      keysweep store export leaks.jsonl
      keysweep store export - | zstd > leaks.jsonl.zst
      keysweep store export leaks.csv --format csv --view leak_overview
    """
    if (form == "csv") != (view is not None):
        raise UsageError("--view goes with --format csv, and --format csv with --view: name one of the views.")
    if file != "-":
        check_writable(file)
    with opened_store(db, must_exist=True) as opened:
        write = partial(_write_view, opened, view) if view else partial(_write_all, opened)
        if file == "-":
            print_report(write)
            return ExitCode.CLEAN
        try:
            put_report(file, write)
        except OSError as error:
            raise IncompleteError(
                f"{file} could not be written ({error.strerror}): choose another file."
            ) from error
    return ExitCode.CLEAN


def _write_all(opened: Store, stream: TextIO) -> None:
    from keysweep.store.exchange.exporting import exported

    with opened.reading() as connection:
        stream.writelines(exported(connection))


def _write_view(opened: Store, view: str, stream: TextIO) -> None:
    import csv

    from keysweep.report.csv import inert
    from keysweep.report.entries import safe_for
    from keysweep.store.views import VIEWS, rows_of

    safe = safe_for(stream)
    writer = csv.writer(stream, quoting=csv.QUOTE_ALL, lineterminator="\n")
    writer.writerow(VIEWS[view].columns)
    with opened.reading() as connection:
        for row in rows_of(connection, view):
            writer.writerow(inert(safe(each)) if isinstance(each, str) else _cell(each) for each in row)


def _cell(value: object) -> str:
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "" if value is None else str(value)


@store.command("import")
@db_option
@click.argument("file", metavar="FILE|-")
def import_(db: str | None, file: str) -> int:
    """Merge what `store export` wrote into the store, all of it or nothing.

    What is newer counts: the later sweep of a repository, the later answer of AWS, the later decision. Importing
    a file twice changes nothing. Import only what you trust: repositories in it are swept by later sweeps.

    \b
    Examples:
      keysweep store import leaks.jsonl
      keysweep store export - | keysweep store import - --db postgresql://keysweep@db.example.net/leaks
    """
    with _opened_file(file) as stream, opened_store(db) as opened:
        from keysweep.store.exchange.importing import imported

        name = "standard input" if file == "-" else file
        with opened.writing(alone=True) as connection:
            told = imported(connection, stream, name, datetime.now(UTC))
    style = Style.detect(sys.stdout, os.environ)
    for table, each in told.items():
        if each.read:
            click.echo(f"  {table}: {each.read} read, {each.fresh} new, {each.changed} changed")
    click.echo(style.safe(f"{opened.where}: {name} imported."))
    return ExitCode.CLEAN


@contextmanager
def _opened_file(file: str) -> Iterator[BinaryIO]:
    if file == "-":
        yield sys.stdin.buffer
        return
    try:
        stream = open(file, "rb")  # noqa: SIM115 - closed below, apart from what fails in the store
    except OSError as error:
        raise UsageError(f"{file} cannot be read ({error.strerror}): name what store export wrote.") from error
    with stream:
        yield stream


@store.command()
@db_option
@click.option(
    "--keep-runs", type=click.IntRange(min=1), metavar="N", help="Keep only the newest N of each target."
)
@click.option(
    "--gone-after",
    type=click.IntRange(min=0, max=36_500),
    metavar="DAYS",
    help="Take out places, repositories and leaks that are gone for so long.",
)
@click.option("--with-live", is_flag=True, help="Also leaks that are gone while somebody can use the key.")
@click.option("--with-decided", is_flag=True, help="Also leaks that are gone and that somebody decided on.")
@click.option("--dry-run", is_flag=True, help="Say what would be taken out, and take nothing out.")
def prune(
    db: str | None,
    keep_runs: int | None,
    gone_after: int | None,
    with_live: bool,
    with_decided: bool,
    dry_run: bool,
) -> int:
    """Take out what is old: runs, and what is gone from every repository. What stands somewhere stays.

    \b
    Examples:
      keysweep store prune --keep-runs 30 --gone-after 365 --dry-run
      keysweep store prune --keep-runs 30 --gone-after 365
    """
    if keep_runs is None and gone_after is None:
        raise UsageError("say what may go: --keep-runs N, --gone-after DAYS, or both.")
    if (with_live or with_decided) and gone_after is None:
        raise UsageError("--with-live and --with-decided go with --gone-after.")
    with opened_store(db, must_exist=True) as opened:
        from keysweep.store.health import size_of
        from keysweep.store.retention import Retention, shrink
        from keysweep.store.retention import prune as prune_store

        gone_for = None if gone_after is None else timedelta(days=gone_after)
        retention = Retention(keep_runs, gone_for, with_live=with_live, with_decided=with_decided)
        before = size_of(opened)
        with opened.writing(alone=True) as connection:
            removed = prune_store(connection, retention, datetime.now(UTC))
            if dry_run:
                connection.rollback()
        if not dry_run:
            shrink(opened)
        after = size_of(opened)
    rows = ", ".join(f"{count} of {table}" for table, count in removed.items()) or "nothing"
    style = Style.detect(sys.stdout, os.environ)
    verb = "would be taken out" if dry_run else "taken out"
    shrunk = f", {size(before)} before and {size(after)} now" if after < before else ""
    click.echo(style.safe(f"{opened.where}: {rows} {verb}{shrunk}."))
    return ExitCode.CLEAN
