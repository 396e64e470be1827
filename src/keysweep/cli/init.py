"""`keysweep init`: configuration and hooks for a repository, and a first scan of it."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import click

from keysweep import git
from keysweep.cli import starting
from keysweep.cli.baseline import entries_of, target_of, template_of
from keysweep.cli.known import Scanned, named, scan_for_baseline
from keysweep.cli.own_address import Address, address
from keysweep.cli.pre_commit_entry import FILE_NAME
from keysweep.cli.settled import load_settings
from keysweep.errors import ExitCode, GitError, IncompleteError, UsageError
from keysweep.findings import INTERRUPTED, Finding, ScanResult
from keysweep.report.entries import location, ordered, summary, title
from keysweep.report.style import Style
from keysweep.settings import Settings
from keysweep.suppress.baseline import Entry, load, save
from keysweep.suppress.policy import apply

_MOST_SHOWN = 5


@click.command()
@click.option("--yes", is_flag=True, help="Make every change without asking; never a baseline.")
@click.option(
    "--hook",
    type=click.Choice(["pre-commit", "git"]),
    help=f"Hooks of which kind.  [default: pre-commit where there is a {FILE_NAME}, else git]",
)
@click.option("--no-hook", is_flag=True, help="No hooks.")
@click.option(
    "--repo", metavar="ADDRESS", help="Where pre-commit gets keysweep.  [default: where this one is from]"
)
@click.option("--rev", metavar="REV", help="Which revision of it.  [default: the one that is installed]")
@click.option("--baseline", "accept", is_flag=True, help="Accept all that the scan finds; needs --reason.")
@click.option("--reason", help="With --baseline: why it is accepted.")
@click.option("--owner", help="With --baseline: who answers for it.  [default: user.email of git]")
@click.option("--until", metavar="DATE", help="With --baseline: last day on which it is accepted.")
def init(
    yes: bool,
    hook: str | None,
    no_hook: bool,
    repo: str | None,
    rev: str | None,
    accept: bool,
    reason: str | None,
    owner: str | None,
    until: str | None,
) -> int:
    """Set up keysweep in this repository: a configuration, hooks, and a first scan.

    Asks before each change. Without a terminal, and without --yes, it only says what it would do. What is there
    already is left as it is, so it can be run again at any time.

    \b
    Examples:
      keysweep init
      keysweep init --yes
      keysweep init --hook pre-commit --repo https://git.example.net/keysweep.git
      keysweep init --yes --baseline --reason "before keysweep" --until 2027-06-30

    \b
    Exit codes:
      0  nothing was found that counts, or nothing was done but to say what would be
      1  findings that are not accepted    2  wrong usage, or something cannot be written
      3  something could not be scanned
    """
    if hook and no_hook:
        raise UsageError("--hook and --no-hook exclude each other: give one of them.")
    if accept and not (reason or "").strip():
        raise UsageError("--baseline needs --reason: say why all that is found may stay.")
    if not accept and (reason or owner or until):
        raise UsageError("--reason, --owner and --until go with --baseline: nothing else is accepted here.")
    top = _top()
    settings = load_settings(top)
    target = target_of(_paths(top), None, None)
    _accepted(target)  # a damaged one is told before anything is changed
    template = template_of(reason or "", owner, until) if accept else None
    asks = sys.stdin.isatty() and sys.stderr.isatty()
    is_plan = not yes and not asks
    _say(f"keysweep: setting up {top}")
    for step in _steps(top, hook, no_hook, lambda: address(repo, rev)):
        _take(step, yes=yes, is_plan=is_plan)
    if is_plan:
        _say("keysweep: nothing was changed: this is the plan, and --yes carries it out; then it scans once.")
        return ExitCode.CLEAN
    scanned = _scanned(top)
    kept = _kept(scanned, target)
    _tell(kept, settings)
    if kept.findings and asks and template is None and _wants_baseline(kept.findings):
        template = template_of(_reason(), None, None)
    if template and kept.findings:
        _accept(kept.findings, target, template, top)
        kept = _kept(scanned, target)
    return _end(kept, settings)


def _top() -> Path:
    """The work tree that one stands in; UsageError where there is none."""
    try:
        if git.run(("rev-parse", "--is-bare-repository")).strip() == b"true":
            raise UsageError("this is a bare repository, which has no files to set up: run init in a clone of it.")
        return Path(os.fsdecode(git.run(("rev-parse", "--show-toplevel")).removesuffix(b"\n")))
    except GitError as error:
        raise UsageError(f"init sets up a work tree of git: {error}") from error


def _steps(
    top: Path, hook: str | None, no_hook: bool, where: Callable[[], Address]
) -> list[starting.Step | starting.Note]:
    """What there is to do, made out before any of it is done."""
    steps = [starting.configuration(top)]
    if not no_hook:
        is_framework = hook == "pre-commit" or (hook is None and os.path.lexists(top / FILE_NAME))
        steps.append(starting.pre_commit(top, where) if is_framework else starting.git_hooks(top))
    return steps


def _take(step: starting.Step | starting.Note, *, yes: bool, is_plan: bool) -> None:
    """Do one step, if that is wanted, and say what was done."""
    if isinstance(step, starting.Note):
        _say(step.told, *step.lines)
    elif is_plan:
        _say(f"would {step.told}", *step.lines)
    elif yes or _agrees(step):
        _say(*step.do())
    else:
        _say(f"not done: {step.told}")


def _agrees(step: starting.Step) -> bool:
    _say("", f"{step.told[0].upper()}{step.told[1:]}:" if step.lines else "", *step.lines)
    return click.confirm(
        "Write that?" if step.lines else f"{step.told[0].upper()}{step.told[1:]}?", True, err=True
    )


def _paths(top: Path) -> tuple[str, ...]:
    path = os.path.relpath(top)
    return () if path == os.curdir else (path,)


def _scanned(top: Path) -> Scanned:
    scanned = scan_for_baseline(_paths(top), False, None)
    if INTERRUPTED in scanned.result.problems:
        raise IncompleteError("interrupted before everything was scanned: what was written before stays.")
    return scanned


def _accepted(target: Path) -> dict[str, Entry]:
    return load(target) if os.path.lexists(target) else {}


def _kept(scanned: Scanned, target: Path) -> ScanResult:
    """What counts of a scan by the baseline as it is now."""
    return apply(scanned.result, scanned.settings, os.fspath(scanned.root), baseline=_accepted(target))[0]


def _accept(findings: Sequence[Finding], target: Path, template: Entry, top: Path) -> None:
    old = _accepted(target)
    new = [each for each in entries_of(named(findings, top), template) if each.fingerprint not in old]
    save(target, {**old, **{each.fingerprint: each for each in new}}.values())
    entries = "entry" if len(new) == 1 else "entries"
    _say(f"{target}: {len(new)} {entries} added: {template.reason}")


def _tell(kept: ScanResult, settings: Settings) -> None:
    """What was found, in a few lines; `keysweep scan` has the rest."""
    suppressed = len(kept.suppressed)
    _say("", f"keysweep: {summary(kept, settings.fail_on, suppressed)}.")
    leaks = {each.fingerprint: each for each in reversed(ordered(kept.findings))}
    shown = ordered(leaks.values())
    for each in shown[:_MOST_SHOWN]:
        named_ = f"{title(each)} {each.key_id}" if each.key_id else title(each)
        _say(f"  {each.severity.label.upper():8} {named_}  {location(each.origin, each.place)}")
    if len(shown) > _MOST_SHOWN:
        _say(f"  and {len(shown) - _MOST_SHOWN} more: keysweep scan")


def _wants_baseline(findings: Sequence[Finding]) -> bool:
    leaks = len({each.fingerprint for each in findings})
    _say("", "`keysweep triage` asks about each of them. A baseline accepts all at once, those that are live too.")
    return click.confirm(f"Accept {'it' if leaks == 1 else f'all {leaks}'} unseen?", False, err=True)


def _reason() -> str:
    reason: str = click.prompt("Why may they stay?", err=True)
    return reason


def _end(kept: ScanResult, settings: Settings) -> int:
    """What to do next, and the exit code."""
    further = []
    if kept.findings:
        further.append(("keysweep triage", "decide on each finding: real, false, or accepted until a day"))
    further += [
        ("keysweep doctor", "what works here, and whether the hooks are there"),
        ('keysweep scan --range "$FROM..$TO"', "in CI: what a change brings, in every commit of it"),
    ]
    _say("", "Next:", *(f"  {command:34}  {what}" for command, what in further))
    if any(each.severity >= settings.fail_on for each in kept.findings):
        return ExitCode.FINDINGS
    return ExitCode.INCOMPLETE if kept.problems else ExitCode.CLEAN


def _say(*lines: str) -> None:
    style = Style.detect(sys.stdout, os.environ)
    for line in lines:
        click.echo(style.safe(line))
