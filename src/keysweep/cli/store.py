"""`keysweep store`: what sweeps keep, written down, taken in, made smaller, and looked at."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TextIO

import click

from keysweep.cli.databases import db_option, opened_store
from keysweep.cli.output import check_writable, print_report, put_report
from keysweep.cli.store_shown import as_lines, counted, write_view
from keysweep.errors import ExitCode, IncompleteError, UsageError


@click.group()
def store() -> None:
    """Look after the store of sweeps: write it down, take another one in, make it smaller, check it.

    \b
    Examples:
      keysweep store info
      keysweep store export leaks.jsonl
      keysweep store export leaks.csv --view leak_overview --format csv
      keysweep store import leaks.jsonl --db postgresql://keysweep@db.example.net/leaks
      keysweep store prune --keep-runs 30 --gone-after 180 --dry-run
    """


@store.command()
@click.argument("file", metavar="FILE|-")
@db_option
@click.option("--view", metavar="NAME", help="Only a ready-made view: leak_overview, place_overview and so on.")
@click.option(
    "--format", "form", type=click.Choice(["jsonl", "csv"]), default="jsonl", show_default=True, help="Of a view."
)
def export(file: str, db: str | None, view: str | None, form: str) -> int:
    """Write all of the store to FILE, or to standard output: lines of JSON that `keysweep store import` reads.

    With --view, only that view, for a spreadsheet or a program. No secret is in it, as none is in the store.
    """
    if form == "csv" and view is None:
        raise UsageError("--format csv goes with --view: a spreadsheet holds one table.")
    if file != "-":
        check_writable(file)
    with opened_store(db, must_exist=True) as opened, opened.reading() as connection:
        from keysweep.store.exporting import columns_in, exported, viewed
        from keysweep.store.views import VIEWS

        if view is None:
            _put(file, partial(_write_lines, exported(connection)))
            return ExitCode.CLEAN
        if view not in VIEWS:
            raise UsageError(f"there is no view {view:.40}: there are {', '.join(VIEWS)}.")
        _put(file, partial(write_view, viewed(connection, view), columns_in(connection, view), form))
    return ExitCode.CLEAN


def _put(file: str, write: partial[None]) -> None:
    if file == "-":
        print_report(write)
        return
    try:
        put_report(file, write)
    except OSError as error:
        raise IncompleteError(
            f"{file} could not be written ({error.strerror}): make room, and try again."
        ) from error


def _write_lines(lines: Iterator[str], stream: TextIO) -> None:
    stream.writelines(f"{line}\n" for line in lines)


@store.command(name="import")
@click.argument("file", metavar="FILE|-")
@db_option
def import_(file: str, db: str | None) -> int:
    """Take in what `keysweep store export` wrote: all of it, or nothing.

    What the store has already is not taken twice; where both know a repository or a key, the one tells of it that
    looked last. What people decided in this store stays. Take in only files of people you trust: later runs clone
    from the addresses that they name.
    """
    with _opened(file) as lines, opened_store(db) as opened, opened.writing() as connection:
        from keysweep.store.importing import import_all

        added = import_all(connection, lines, "standard input" if file == "-" else file)
    click.echo(f"keysweep: {counted(added, 'new')} in {opened.where}.", err=True)
    return ExitCode.CLEAN


@contextmanager
def _opened(file: str) -> Iterator[Iterator[str]]:
    """Its lines; UsageError where it cannot be read."""
    try:
        if file == "-":
            sys.stdin.reconfigure(encoding="utf-8", errors="strict")  # type: ignore[union-attr]
            yield iter(sys.stdin)
            return
        with open(file, encoding="utf-8") as stream:
            yield iter(stream)
    except UnicodeDecodeError as error:
        raise UsageError(f"{file} is no text in UTF-8: nothing was imported.") from error
    except OSError as error:
        if error.filename != file:
            raise
        raise UsageError(
            f"{file} cannot be read ({error.strerror}): give the name of an exported store."
        ) from error


@store.command()
@db_option
@click.option("--keep-runs", type=click.IntRange(1), metavar="N", help="Of each target keep the newest N runs.")
@click.option(
    "--gone-after",
    type=click.IntRange(0, 100_000),
    metavar="DAYS",
    help="Take out repositories and places that are gone for longer, and leaks that stand nowhere then.",
)
@click.option("--even-live", is_flag=True, help="Also leaks of keys that somebody can still use.")
@click.option("--even-decided", is_flag=True, help="Also leaks of which somebody decided something.")
@click.option("--dry-run", is_flag=True, help="Only say what would be taken out.")
def prune(
    db: str | None,
    keep_runs: int | None,
    gone_after: int | None,
    even_live: bool,
    even_decided: bool,
    dry_run: bool,
) -> int:
    """Take old runs out of the store, and what is gone from repositories for long.

    A leak of a live key, and one that somebody decided about, stays with all of its places unless you say so.

    \b
    Examples:
      keysweep store prune --keep-runs 30 --dry-run
      keysweep store prune --keep-runs 30 --gone-after 180
    """
    if keep_runs is None and gone_after is None:
        raise UsageError("nothing says what may go: give --keep-runs N, --gone-after DAYS, or both.")
    if gone_after is None and (even_live or even_decided):
        raise UsageError("--even-live and --even-decided go with --gone-after DAYS.")
    before = None if gone_after is None else datetime.now(UTC) - timedelta(days=gone_after)
    with opened_store(db, must_exist=True) as opened:
        from keysweep.store.retention import Rules, shrink
        from keysweep.store.retention import prune as take_out

        with opened.writing() as connection:
            gone = take_out(connection, Rules(keep_runs, before, even_live, even_decided))
            if dry_run:
                connection.rollback()
        if gone and not dry_run:
            shrink(opened)
        would = "would be " if dry_run else ""
        click.echo(f"keysweep: {counted(gone, f'{would}taken out')} of {opened.where}.", err=True)
    return ExitCode.CLEAN


@store.command()
@db_option
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True)
def info(db: str | None, form: str) -> int:
    """Say where the store is, its version, how large it is and what it holds, and check that it is sound.

    \b
    Exit codes:
      0  it is sound
      3  it is damaged, or could not be opened
    """
    with opened_store(db, must_exist=True) as opened:
        from keysweep.frozen import fields
        from keysweep.store.about import about

        told = about(opened)
    if form == "json":
        document: Mapping[str, object] = {"format": "keysweep-store-info", "version": 1} | {
            name: getattr(told, name) for name in fields(type(told))
        }
        print_report(lambda stream: _write_lines(iter([json.dumps(document, indent=2, default=str)]), stream))
    else:
        print_report(lambda stream: _write_lines(as_lines(told, stream), stream))
    return ExitCode.INCOMPLETE if told.faults else ExitCode.CLEAN
