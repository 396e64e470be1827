"""`keysweep report`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import click

from keysweep.cli import reports as further
from keysweep.cli.levels import fail_on_option
from keysweep.cli.output import check_writable, write_report
from keysweep.errors import ExitCode
from keysweep.findings import Finding, ScanResult, Severity
from keysweep.frozen import replace
from keysweep.report import FORMATS
from keysweep.report.read import read, read_verdicts
from keysweep.report.recorded import result_of, verdict_of
from keysweep.report.several import Comparison, Scanned, compared, together
from keysweep.verdicts import Verdict


@click.command()
@click.argument("files", nargs=-1, required=True, metavar="FINDINGS.json...")
@click.option("--against", metavar="OLD.json", help="Show only what is new since that scan, and count the rest.")
@click.option(
    "--verified",
    metavar="VERDICTS.json",
    multiple=True,
    help="Also say which keys are live, as `verify --format json` wrote; repeatable.",
)
@click.option("--format", "form", type=click.Choice(list(FORMATS)), default="text", show_default=True)
@click.option("--output", metavar="FILE", help="Write the report to FILE, whole or not at all.")
@further.option
@fail_on_option
@click.option("--show-suppressed", is_flag=True, help="List what does not count, and what silenced it.")
def report(
    files: tuple[str, ...],
    against: str | None,
    verified: tuple[str, ...],
    form: str,
    output: str | None,
    reports: tuple[str, ...],
    fail_on: str,
    show_suppressed: bool,
) -> int:
    """Show findings files again: in another format, several as one, or what is new since an older one.

    Nothing is scanned, and no secret comes back: a findings file holds none.

    \b
    Examples:
      keysweep report found.json
      keysweep report a.json b.json --format json --output both.json
      keysweep report found.json --report sarif=out.sarif --report csv=out.csv
      keysweep report found.json --verified live.json --report html=out.html
      keysweep report today.json --against yesterday.json

    \b
    Exit codes:
      0  nothing at or above --fail-on       1  something is; with --against something new
      2  wrong usage, or no findings file    3  one of the scans was not complete
    """
    if output:
        check_writable(output)
    more_reports = further.asked_for(reports, form, output, show_secrets=False)
    scans = [read(path, _scanned) for path in files]
    result = together(scans)
    if verified:
        result = _judged(result, verified)
    if against:
        comparison = compared(result, read(against, _scanned).result)
        notes = (*result.notes, *_told(comparison, against))
        result = replace(result, findings=comparison.new, notes=notes)
    level = Severity[fail_on.upper()]
    facts = {
        "fail_on": level,
        "suppressed": len(result.suppressed),
        "show_suppressed": show_suppressed,
        "repositories": tuple(each.of for each in scans),
    }
    all_written = further.write_all(more_reports, result, facts)
    write_report(output, further.writer(form, result, facts, plain=output is not None))
    if result.fails(level):
        return ExitCode.FINDINGS
    return ExitCode.INCOMPLETE if result.problems or not all_written else ExitCode.CLEAN


def _scanned(document: dict[str, Any]) -> Scanned:
    scanned = document["scanned"]
    of = scanned["repository"] or scanned["directory"] or ""
    if not isinstance(of, str):
        raise TypeError(of)
    return Scanned(result_of(document), of)


def _judged(result: ScanResult, files: Sequence[str]) -> ScanResult:
    """The result with the newest verdict on each key."""
    from keysweep.aws.questions import judged

    verdicts = [each for path in files for each in read_verdicts(path, _verdicts)]
    newest = {each.key_id: each for each in sorted(verdicts, key=lambda each: each.checked)}
    earlier = {each.key_id: each.verdict for each in result.findings if each.key_id and each.verdict}
    later = {
        key: each for key, each in newest.items() if key not in earlier or earlier[key].checked < each.checked
    }
    return replace(result, findings=judged(result.findings, later))


def _verdicts(document: dict[str, Any]) -> list[Verdict]:
    return [verdict_of(each) for each in document["keys"]]


def _told(comparison: Comparison, against: str) -> list[str]:
    new, still, gone = map(len, (comparison.new, comparison.still_there, comparison.gone))
    told = f"since {against} {new} new, {still} still there and {gone} gone"
    return [told, *_listed("gone", comparison.gone), *_listed("still there", comparison.still_there)]


_MOST_LISTED = 20


def _listed(what: str, findings: Sequence[Finding]) -> list[str]:
    told = dict.fromkeys(
        f"{what}: {each.kind.value} {each.key_id or each.fingerprint} in {each.origin.display}"
        for each in findings
    )
    more = [f"{what}: {len(told) - _MOST_LISTED} more"] if len(told) > _MOST_LISTED else []
    return [*list(told)[:_MOST_LISTED], *more]
