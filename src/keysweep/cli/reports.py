"""`--report FORMAT=FILE`: further reports of one scan, beside the one that `--format` and `--output` name."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Collection, Mapping, Sequence
from importlib import import_module
from inspect import signature
from io import StringIO
from typing import TextIO

import click

from keysweep.cli.journalled import contained
from keysweep.cli.output import abandon, check_writable, is_device, print_report, put_report
from keysweep.errors import IncompleteError, UsageError
from keysweep.findings import ScanResult
from keysweep.frozen import frozen, replace
from keysweep.report import FORMATS
from keysweep.report.hidden import without_secrets
from keysweep.report.style import Style, complaint

BESIDE_TEXT = "github-annotations"
"""The one format that may share standard output: the runner takes its lines out of whatever else is there."""


@frozen
class Report:
    """One report that was asked for."""

    form: str
    path: str | None
    """None for standard output."""


option = click.option(
    "--report",
    "reports",
    metavar="FORMAT=FILE",
    multiple=True,
    help="A further report, as often as you like: any format, and - for standard output.",
)


def asked_for(given: Sequence[str], form: str, output: str | None, *, show_secrets: bool) -> tuple[Report, ...]:
    """The further reports, checked before the scan begins; UsageError for what could not be written after it."""
    if show_secrets and "show_secrets" not in _parameters(form):
        raise UsageError(f"{form} never shows secrets: use --show-secrets with text, json or jsonl.")
    return checked(given, form, output, FORMATS)


def checked(given: Sequence[str], form: str, output: str | None, formats: Collection[str]) -> tuple[Report, ...]:
    """The further reports in these formats; UsageError for what could not be written afterwards."""
    reports = tuple(_read(each, formats) for each in given)
    taken = {_place(output)} if output else set[str]()
    printed = [] if output else [form]
    for report in reports:
        if report.path is None:
            printed.append(report.form)
            continue
        check_writable(report.path)
        if _place(report.path) in taken and not is_device(report.path):
            raise UsageError(f"two reports go to {report.path}: give each a file of its own.")
        taken.add(_place(report.path))
    if len(printed) > 1 and sorted(printed) != sorted(("text", BESIDE_TEXT)):
        raise UsageError(
            f"{' and '.join(printed)} cannot share standard output: print one of them, and give the others a file."
        )
    return reports


def _read(given: str, formats: Collection[str]) -> Report:
    form, equals, path = given.partition("=")
    if form not in formats:
        raise UsageError(f"there is no report format {form!r}: use one of {', '.join(formats)}.")
    if not equals or not path:
        raise UsageError(f"--report {given} names no file: write --report {form}=FILE, or {form}=- to print it.")
    return Report(form, None if path == "-" else path)


def _place(path: str) -> str:
    try:
        return os.path.realpath(path)
    except OSError:
        return os.path.abspath(path)


def writer(form: str, result: ScanResult, facts: Mapping[str, object], *, plain: bool) -> Callable[[TextIO], None]:
    """How to write a report in this format, with those of the facts that it takes; `plain` is without colour."""
    render, takes = import_module(FORMATS[form]).render, _parameters(form)
    given = {name: value for name, value in facts.items() if name in takes}
    told = result if given.get("show_secrets") else without_secrets(result)
    if "contained" in takes:
        given["contained"], notes = contained()
        told = replace(told, notes=(*told.notes, *notes))

    def write(stream: TextIO) -> None:
        if "style" in takes:
            given["style"] = Style() if plain else Style.detect(stream, os.environ)
        render(told, stream, **given)

    return write


def directory() -> str | None:
    """What paths of files are relative to; None where somebody removed it meanwhile."""
    try:
        return os.getcwd()
    except OSError:
        return None


def _parameters(form: str) -> frozenset[str]:
    return frozenset(signature(import_module(FORMATS[form]).render).parameters)


def write_all(reports: Sequence[Report], result: ScanResult, facts: Mapping[str, object]) -> bool:
    """Write each report, redacted; complain of those that cannot be written, and write the others all the same."""
    redacted = {**facts, "show_secrets": False}
    return write_each(reports, lambda form: writer(form, result, redacted, plain=True))


def write_each(reports: Sequence[Report], writer_of: Callable[[str], Callable[[TextIO], None]]) -> bool:
    """The same for reports of any kind; `writer_of` says how one of a format is written."""
    complete = True
    for report in sorted(reports, key=lambda each: each.path is None):
        write = writer_of(report.form)
        try:
            if report.path is None:
                print_report(write)
            elif _is_step_summary(report.path):
                _append(report.path, write)
            else:
                put_report(report.path, write)
        except BrokenPipeError:
            abandon(sys.stdout)  # whoever read it has seen enough, but a file may still have to be written
            complete = False
        except (OSError, IncompleteError) as error:
            _complain(report, error)
            complete = False
    return complete


def _complain(report: Report, error: OSError | IncompleteError) -> None:
    why = f" ({error.strerror})" if isinstance(error, OSError) else ""
    said = IncompleteError(
        f"the {report.form} report could not be written to {report.path or 'standard output'}{why}; "
        "the other reports have all that was found."
    )
    click.echo(complaint(said), err=True)


def _is_step_summary(path: str) -> bool:
    """Whether this is the file to which every command of a GitHub Actions step adds its part of the summary."""
    given = os.environ.get("GITHUB_STEP_SUMMARY")
    return bool(given) and os.path.isfile(path) and _place(path) == _place(given or "")


def _append(path: str, write: Callable[[TextIO], None]) -> None:
    """Add a report, or nothing. The file stays the one that it is: the runner, another user, has to read it."""
    whole = StringIO()
    write(whole)
    left = memoryview(whole.getvalue().encode("utf-8", "backslashreplace"))
    with open(path, "ab", buffering=0) as stream:
        before = os.fstat(stream.fileno()).st_size
        try:
            while left:
                left = left[stream.write(left) :]
        except OSError:
            stream.truncate(before)
            raise
