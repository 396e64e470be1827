"""What came of `keysweep account`: compared with earlier runs, written as reports, and kept for later runs."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from importlib import import_module
from typing import TYPE_CHECKING, TextIO

import click

from keysweep.account.report import FORMATS
from keysweep.cli import reports as further
from keysweep.cli.output import write_report
from keysweep.errors import ConfigError, ExitCode, UsageError
from keysweep.findings import Severity
from keysweep.frozen import frozen
from keysweep.regions import is_region
from keysweep.report.style import Style, complaint

if TYPE_CHECKING:
    from pathlib import Path

    from keysweep.account.audit import Audit
    from keysweep.account.judging.checks import Bounds
    from keysweep.account.report.facts import Facts


@frozen
class Asked:
    """How the outcome is to be told."""

    form: str
    output: str | None
    reports: tuple[further.Report, ...]
    fail_on: str
    hub_region: str | None
    keeps: bool
    """Whether runs are compared, and this one is kept for later ones."""


def asked(
    form: str, output: str | None, given: Sequence[str], fail_on: str, hub_region: str | None, *, keeps: bool
) -> Asked:
    """What the options say; UsageError for what could not be told afterwards."""
    if hub_region and not is_region(hub_region):
        raise UsageError(f"--hub-region {hub_region} is no region: write one such as eu-central-1.")
    return Asked(form, output, further.checked(given, form, output, FORMATS), fail_on, hub_region, keeps)


def told(audit: Audit, bounds: Bounds, how: Asked) -> int:
    """Write every report; the exit code says what was found."""
    from keysweep.account.report.facts import Facts
    from keysweep.account.runs.course import since, summary
    from keysweep.account.runs.history import History, history, keep

    now = datetime.now(UTC)
    place = _place() if how.keeps else None
    known = history(place) if place else History((), ())
    for note in known.notes:
        _note(note)
    change = since(audit, bounds, known.runs)
    level = Severity[how.fail_on.upper()]
    facts = Facts(now, bounds, change, known.notes, level, how.hub_region)
    all_written = further.write_each(how.reports, lambda form: _writer(audit, facts, form, is_file=True))
    write_report(how.output, _writer(audit, facts, how.form, is_file=how.output is not None))
    if place and (why := keep(summary(audit, bounds, change, now), place)):
        _note(f"this run is not kept for later ones: {why}")
    return facts.exit_code(audit, is_told=all_written)


def _writer(audit: Audit, facts: Facts, form: str, *, is_file: bool) -> Callable[[TextIO], None]:
    more = {"is_file": is_file} if form == "text" else {}
    render = import_module(FORMATS[form]).render
    return lambda stream: render(audit, facts, stream, **more)


def show_trend(form: str, output: str | None, *, is_alone: bool) -> int:
    """The course over all runs that are kept here; UsageError for what it cannot be combined with."""
    if not is_alone:
        raise UsageError("--trend shows earlier runs and asks nobody: leave out what belongs to a new one.")
    if form not in ("text", "json"):
        raise UsageError(f"--trend is told as text or json, not as {form}.")
    from keysweep.account.report.trend import document, lines
    from keysweep.account.runs.history import history

    place = _place()
    known = history(place) if place else None
    for note in known.notes if known else ():
        _note(note)
    runs = known.runs if known else ()

    def write(stream: TextIO) -> None:
        if form == "json":
            json.dump(document(runs), stream, indent=2)
            stream.write("\n")
        else:
            style = Style(width=100) if output else Style.detect(stream, os.environ)
            stream.write("".join(f"{line}\n" for line in lines(runs, style)))

    write_report(output, write)
    return ExitCode.CLEAN


def _place() -> Path | None:
    """Where the summaries of runs are; None for a user who has no place for them."""
    from keysweep.aws.containment.journal import directory

    try:
        return directory() / "account-runs"
    except ConfigError as error:
        _note(f"runs are not compared: {str(error).removesuffix('.')}")
        return None


def _note(text: str) -> None:
    click.echo(complaint(ConfigError(f"{text}.")), err=True)
