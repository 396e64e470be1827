"""`keysweep scan`."""

from __future__ import annotations

import os
import sys
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import click

from keysweep.cli import lone
from keysweep.cli import machine as of_machine
from keysweep.cli import reports as further
from keysweep.cli.operator import ask, aws_endpoint, questions_about
from keysweep.cli.operator import partitions as partition_option
from keysweep.cli.output import check_writable, write_report
from keysweep.cli.progress import progress_line
from keysweep.cli.settled import check_strict, settle
from keysweep.errors import ExitCode, UsageError
from keysweep.findings import Problem, ProblemCode, ScanResult, Severity
from keysweep.frozen import replace
from keysweep.report import FORMATS
from keysweep.report.style import Style
from keysweep.settings import Settings
from keysweep.suppress.policy import apply

_Narrowing = tuple[tuple[str, ...], str | None, tuple[str, ...], tuple[str, ...]]
"""Ranges, a date, refs and paths."""


@click.command()
@click.argument("paths", nargs=-1)
@click.option("--staged", is_flag=True, help="Scan what the next commit would add: the index, not the work tree.")
@click.option("--whole-files", is_flag=True, help="With --staged: all findings of the touched files.")
@of_machine.option
@click.option("--history", is_flag=True, help="Scan every object of a repository: all that was ever committed.")
@click.option("--range", "ranges", metavar="A..B", multiple=True, help="With --history: only these commits.")
@click.option(
    "--since", metavar="DATE", help="With --history: only commits since then ('2026-01-31', '2 weeks ago')."
)
@click.option("--refs", metavar="PATTERN", multiple=True, help="With --history: only what these refs reach.")
@click.option(
    "--paths", "below", metavar="PATH", multiple=True, help="With --history: only these files, or below."
)
@click.option("--all-files", is_flag=True, help="Also what git ignores.")
@click.option("--format", "form", type=click.Choice(list(FORMATS)), default="text", show_default=True)
@click.option("--output", metavar="FILE", help="Write the report to FILE, whole or not at all.")
@further.option
@click.option(
    "--show-secrets", is_flag=True, help="Print secrets in full. Think of who reads the terminal and the log."
)
@click.option(
    "--fail-on",
    type=click.Choice([level.label for level in Severity]),
    help="Least severity that makes exit code 1.  [default: medium]",
)
@click.option("--config", metavar="FILE", type=click.Path(path_type=Path), help="Use this configuration.")
@click.option("--no-config", is_flag=True, help="Ignore keysweep.toml, pyproject.toml and the baseline.")
@click.option("--report-placeholders", is_flag=True, help="Also documentation examples, with the reason why.")
@click.option("--show-suppressed", is_flag=True, help="List what does not count, and what silenced it.")
@click.option("--strict", is_flag=True, help="Take nothing from the scanned tree that silences findings.")
@click.option(
    "--strict-base", metavar="REF", help="Like --strict, but take what the commit REF says, as a change finds it."
)
@click.option("--no-cache", is_flag=True, help="With --history: forget what earlier scans did, and keep nothing.")
@click.option("--verify", is_flag=True, help="Ask AWS which of the keys are live. Uses the network.")
@lone.inventory_files
@partition_option
@aws_endpoint
@click.option("--jobs", type=click.IntRange(1, 1024), help="Worker processes.  [default: one a core]")
def scan(
    paths: tuple[str, ...],
    staged: bool,
    whole_files: bool,
    machine: bool,
    history: bool,
    ranges: tuple[str, ...],
    since: str | None,
    refs: tuple[str, ...],
    below: tuple[str, ...],
    all_files: bool,
    form: str,
    output: str | None,
    reports: tuple[str, ...],
    show_secrets: bool,
    fail_on: str | None,
    config: Path | None,
    no_config: bool,
    report_placeholders: bool,
    show_suppressed: bool,
    strict: bool,
    strict_base: str | None,
    no_cache: bool,
    verify: bool,
    inventories: tuple[str, ...],
    partitions: tuple[str, ...],
    aws_endpoint: str | None,
    jobs: int | None,
) -> int:
    """Find leaked AWS keys in PATHS, in the staged change, or in standard input (-).

    Without PATHS this scans what git would see in the current directory. With --history, PATHS is one repository:
    its directory, an address to clone, or a bundle. --range, --since, --refs and --paths narrow such a scan, and
    imply --history. With --machine, it scans the places of this machine where keys are kept and left behind.

    \b
    Examples:
      keysweep scan src deploy.env
      keysweep scan --all-files --format json --output findings.json
      keysweep scan --history ~/src/app
      keysweep scan --history https://git.example.net/team/app.git
      keysweep scan --range origin/main..HEAD
      keysweep scan --machine
      keysweep scan --report sarif=keysweep.sarif --report junit=keysweep.xml
      kubectl get secrets -A -o yaml | keysweep scan -

    \b
    Severities:
      high    a pair, a temporary triple, a Bedrock key, an SMTP password with its user
      medium  a secret or a session token alone
      low     a key ID alone, a signed request that is still valid
      info    expired
    """
    if whole_files and not staged:
        raise UsageError("--whole-files goes with --staged: without it, files are always scanned whole.")
    if staged and paths:
        raise UsageError("--staged scans the whole index: leave out the paths.")
    narrowing = (ranges, since, refs, below) if ranges or since is not None or refs or below else None
    if narrowing and (staged or all_files or len(paths) > 1 or "-" in paths):
        raise UsageError(
            "--range, --since, --refs and --paths narrow the scan of one repository's history: leave out "
            "--staged, --all-files, standard input and other paths."
        )
    history = history or narrowing is not None
    if history and (staged or all_files or len(paths) > 1):
        raise UsageError("--history scans one repository whole: leave out --staged, --all-files and other paths.")
    if config and no_config:
        raise UsageError("--config and --no-config exclude each other: give one of them.")
    if no_cache and (narrowing or not history):
        raise UsageError("--no-cache goes with --history alone: nothing else is remembered from scan to scan.")
    if (aws_endpoint or partitions or inventories) and not verify:
        raise UsageError(
            "--aws-endpoint, --partition and --inventory go with --verify: nothing else of a scan asks about keys."
        )
    if output:
        check_writable(output)
    more_reports = further.asked_for(reports, form, output, show_secrets=show_secrets)
    means = lone.means(inventories, False, None, None, (), partitions, aws_endpoint)
    home = of_machine.home_to_scan() if machine else None
    root = home or root_of(paths)
    elsewhere = (machine and not config) or _is_copied(paths, history, config)
    check_strict(config=config, no_config=no_config, is_elsewhere=elsewhere, base=strict_base)
    settled = settle(root, config, none=no_config or elsewhere, strict=strict, base=strict_base)
    settings = settled.settings
    settings = replace(settings, report_placeholders=settings.report_placeholders or report_placeholders)
    if fail_on:
        settings = replace(settings, fail_on=Severity[fail_on.upper()])
    cached = not no_cache
    started = datetime.now(UTC)
    if home:
        result = of_machine.scan_home(home, settings, jobs)
    else:
        result = _scan(paths, staged, whole_files, history, narrowing, all_files, jobs, settings, cached=cached)
    result = replace(result, notes=(*result.notes, *settled.notes))
    result, suppressed = apply(result, settings, os.fspath(root), baseline=settled.baseline, heeds=settled.heeds)
    if verify:
        result = _verified(result, partitions, aws_endpoint, means)
    facts: dict[str, object] = {
        "show_secrets": show_secrets,
        "fail_on": settings.fail_on,
        "suppressed": suppressed,
        "show_suppressed": show_suppressed,
        "directory": further.directory(),
        "repository": _repository(paths) if history or staged else None,
        "started": started,
        "ended": datetime.now(UTC),
    }
    all_written = further.write_all(more_reports, result, facts)
    write_report(output, further.writer(form, result, facts, plain=output is not None))
    if output and (result.findings or result.problems):
        click.echo(_pointer(result, output), err=True)
    if result.fails(settings.fail_on):
        return ExitCode.FINDINGS
    return ExitCode.INCOMPLETE if result.problems or not all_written else ExitCode.CLEAN


def root_of(paths: tuple[str, ...]) -> Path:
    """Where configuration is looked for: the top of the repository that is scanned, or the directory."""
    from keysweep import git

    start = paths[0] if len(paths) == 1 and os.path.isdir(paths[0]) else "."
    top = git.answer(("rev-parse", "--show-toplevel"), start)
    return Path(os.fsdecode(top.rstrip(b"\n"))) if top else Path(start)


def _is_copied(paths: tuple[str, ...], history: bool, config: Path | None) -> bool:
    """Whether it is a clone or a bundle that is scanned: the configuration that stands here is that of another."""
    if not history or not paths or config:
        return False
    from keysweep.sources.history.opening.source import is_directory

    return not is_directory(paths[0])


def _scan(
    paths: tuple[str, ...],
    staged: bool,
    whole_files: bool,
    history: bool,
    narrowing: _Narrowing | None,
    all_files: bool,
    jobs: int | None,
    settings: Settings,
    *,
    cached: bool,
) -> ScanResult:
    options = settings.options()
    if staged:
        from keysweep.sources.staged import scan_staged

        return scan_staged(whole_files=whole_files, limits=settings.limits, options=options)
    if narrowing:
        from keysweep.sources.history.part.narrowed import scan_narrowed
        from keysweep.sources.history.part.selection import Narrowing
        from keysweep.sources.history.whole import scan_without_submodules

        with progress_line() as report:
            narrowed = partial(
                scan_narrowed,
                narrowing=Narrowing(*narrowing),
                limits=settings.limits,
                options=options,
                jobs=jobs,
                on_progress=report,
            )
            return scan_without_submodules(paths[0] if paths else None, narrowed, report)
    if history:
        from keysweep.sources.history.full import scan_history
        from keysweep.sources.history.whole import scan_source

        with progress_line() as report:
            scan = partial(scan_history, limits=settings.limits, options=options, jobs=jobs, on_progress=report)
            return scan_source(paths[0] if paths else None, scan, report, cached=cached)
    if "-" in paths:
        if len(paths) > 1:
            raise UsageError("- stands for standard input and goes alone: scan the other paths in another run.")
        from keysweep.sources.stdin import scan_stdin

        return scan_stdin(sys.stdin.buffer, settings.limits, options)
    from keysweep.sources.files import scan_paths

    with progress_line() as report:
        return scan_paths(
            paths or (".",),
            all_files=all_files,
            limits=settings.limits,
            options=options,
            jobs=jobs,
            on_progress=report,
        )


def _pointer(result: ScanResult, output: str) -> str:
    """One line for whoever reads the log and not the report."""
    counts = [(len(result.findings), "finding"), (len(result.problems), "problem")]
    counted = ", ".join(f"{count} {what}{'s' * (count != 1)}" for count, what in counts if count)
    return Style().safe(f"keysweep: {counted}: see {output}")


def _verified(
    result: ScanResult, partitions: tuple[str, ...], endpoint: str | None, means: lone.Means
) -> ScanResult:
    """The result with what AWS says of its keys; after Ctrl-C nobody is asked."""
    if any(problem.code is ProblemCode.INTERRUPTED for problem in result.problems):
        return replace(result, problems=(*result.problems, _NOT_ALL_ASKED))
    asked = ask(questions_about(result.findings, partitions), endpoint)
    from keysweep.aws.questions import judged

    verdicts = {key_id: answer.verdict for key_id, answer in asked.answers.items()}
    verdicts |= lone.known(result.findings, (), asked, means).verdicts
    problems = (*result.problems, *([_NOT_ALL_ASKED] if asked.is_interrupted else []))
    return replace(result, findings=judged(result.findings, verdicts), problems=problems)


_NOT_ALL_ASKED = Problem(ProblemCode.INTERRUPTED, "interrupted before AWS was asked about every key")


def _repository(paths: tuple[str, ...]) -> str:
    """Where objects can be read again: a directory, or the address that was cloned."""
    from keysweep.sources.history.opening.addresses import without_credentials

    given = paths[0] if paths else os.environ.get("GIT_DIR") or "."
    return os.path.abspath(given) if os.path.exists(given) else without_credentials(given)
