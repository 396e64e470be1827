"""`keysweep triage`: a walk through findings at a terminal, which writes the baseline."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

import click

from keysweep.cli import triage_shown as shown
from keysweep.cli.baseline import holds_credential, inside, owner_of, target_of
from keysweep.cli.cases import Case, gathered
from keysweep.cli.keys import END, ended_gently, line, pressed
from keysweep.cli.known import is_findings_file
from keysweep.cli.output import abandon
from keysweep.detect.pragmas import day
from keysweep.errors import ExitCode, KeysweepError, UsageError
from keysweep.report.style import Style, number_of
from keysweep.suppress.baseline import Entry, check_writable
from keysweep.suppress.decisions import Choice, Decision, Decisions, last_of
from keysweep.suppress.lapse import lapse, today

_DAYS = 90
"""For so long something is accepted, unless another day is typed."""
_ROWS = 24
"""Of a terminal that does not tell."""


@click.command()
@click.argument("paths", nargs=-1, metavar="[PATHS... | FINDINGS.json]")
@click.option("--history", is_flag=True, help="Scan every object of a repository.")
@click.option("--again", is_flag=True, help="Also ask about what the baseline accepts already.")
@click.option("--owner", help="Who answers for new entries.  [default: user.email of git]")
@click.option("--config", metavar="FILE", type=click.Path(path_type=Path), help="Use this configuration.")
@click.option("--output", metavar="FILE", type=click.Path(path_type=Path), help="The baseline to work on.")
def triage(
    paths: tuple[str, ...],
    history: bool,
    again: bool,
    owner: str | None,
    config: Path | None,
    output: Path | None,
) -> int:
    """Decide on findings one by one, the worst first: real, false, or accepted until a day.

    Scans PATHS, or reads FINDINGS.json; of keys that were verified the live ones come first. Each answer is one
    key, and is in the baseline at once, so that nothing is lost whenever you stop; `u` takes answers back. What is
    real stays a finding, and the end says what to do about it.

    \b
    Examples:
      keysweep triage
      keysweep triage --history
      keysweep triage findings.json
      keysweep triage --again src

    \b
    Exit codes:
      0  everything is decided, and nothing is real    1  something is real, or left undecided
      2  wrong usage, or no terminal                   3  something could not be scanned
    """
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise UsageError(
            "triage asks at a terminal, and this is none: use `keysweep baseline create` or `update` instead."
        )
    target = target_of(paths, config, output)
    owner = owner_of(owner)
    if holds_credential(owner):
        raise UsageError("--owner holds a credential, and a baseline never does: say it without.")
    decisions = Decisions(target)
    check_writable(target)
    there = gathered(paths, history, config)
    cases = [each for each in there.cases if again or not _is_accepted(decisions, each)]
    if cases:
        _say(f"{number_of(len(cases), 'leak')} to decide on; answers go to {target}. ? explains the keys.")
        _walk(cases, _Answers(decisions, owner))
    file = paths[0] if is_findings_file(paths, history) else None
    return _end(cases, decisions, target, file, complete=there.complete)


def _is_accepted(decisions: Decisions, case: Case) -> bool:
    entry = decisions.entry(case.fingerprint)
    return entry is not None and lapse(entry.until, today()) is None


class _Answers:
    """Makes decisions out of keys; remembers the last reasons, because they are often the same."""

    def __init__(self, decisions: Decisions, owner: str) -> None:
        self.decisions = decisions
        self._owner = owner
        self._reasons = {Choice.FALSE: "not a real credential", Choice.UNTIL: "known, and to be rotated"}

    def decision(self, choice: Choice, case: Case) -> Decision | None:
        """The decision, with what has to be asked for it; None where whoever was asked thought better of it."""
        if choice in (Choice.REAL, Choice.SKIPPED):
            return Decision(case.fingerprint, choice)
        until = None
        if choice is Choice.UNTIL:
            until = _day()
            if until is None:
                return None
        reason = self._reason(choice)
        if reason is None:
            return None
        path = inside(case.path)
        entry = Entry(case.fingerprint, today().isoformat(), self._owner, reason, until, path)
        return Decision(case.fingerprint, choice, entry)

    def _reason(self, choice: Choice) -> str | None:
        default = self._reasons[choice]
        while (typed := line(Style().safe(f"Why? [{default}] "))) is not None:
            if not holds_credential(typed):
                self._reasons[choice] = typed or default
                return self._reasons[choice]
            _say("that holds a credential, and a baseline never does: say it without.")
        return None


def _day() -> str | None:
    """A day to come; None where whoever was asked thought better of it."""
    default = (today() + timedelta(_DAYS)).isoformat()
    while (typed := line(f"Until which day? [{default}] ")) is not None:
        until = typed or default
        if day(until) is not None and lapse(until, today()) is None:
            return until
        _say(f"{until} is no day to come: write it as {default}, or Ctrl-D to leave it.")
    return None


_CHOICES = {"r": Choice.REAL, "f": Choice.FALSE, "a": Choice.UNTIL, "s": Choice.SKIPPED}


def _walk(cases: Sequence[Case], answers: _Answers) -> None:
    """Ask about one after the other until there is none left, or until somebody has had enough."""
    decisions = answers.decisions
    at, is_whole, is_shown = 0, False, False
    with ended_gently(), suppress(KeyboardInterrupt, OSError):  # the latter where the terminal is gone
        while True:
            if at < len(cases) and not is_shown:
                _show(cases[at], at, len(cases), decisions, is_whole=is_whole)
            key = _key(is_last=at == len(cases))
            is_whole, is_shown = key == "m", True
            try:
                if key == "s" and at < len(cases) and last_of(decisions.made, cases[at].fingerprint):
                    at, is_shown = at + 1, False  # what was said of it before stays
                elif key in _CHOICES and at < len(cases):
                    made = answers.decision(_CHOICES[key], cases[at])
                    if made and decisions.decide(made):
                        at, is_shown = at + 1, False
                    elif made:
                        _say("somebody else changed its entry meanwhile: look again.")
                        is_shown = False
                elif key == "u":
                    at, is_shown = _undone(cases, decisions, at), False
                elif key == "b":
                    at, is_shown = max(0, at - 1), False
                elif key == "m":
                    is_shown = False
                elif key in ("q", END):
                    return
                else:
                    _tell(shown.help_lines(_style()))
            except KeysweepError as error:
                _say(str(error))
    with suppress(OSError):
        click.echo(err=True)


def _key(*, is_last: bool) -> str:
    """One key, in lower case and said back, so that the screen tells later what was answered."""
    asked = "That was the last one: [u]ndo, [b]ack, [q]uit" if is_last else shown.question(_style())
    key = pressed(f"{asked}\n> ").strip(" \r\n").lower() or "?"
    with suppress(OSError):
        click.echo(key if len(key) == 1 and key.isprintable() else "", err=True)
    return key


def _show(case: Case, at: int, of: int, decisions: Decisions, *, is_whole: bool) -> None:
    style = _style()
    made = last_of(decisions.made, case.fingerprint)
    lines = shown.card(case, at + 1, of, decisions.entry(case.fingerprint), made, style)
    _tell(lines if is_whole else shown.shortened(lines, _rows(), style))


def _rows() -> int:
    try:
        return os.get_terminal_size(sys.stderr.fileno()).lines or _ROWS
    except OSError:
        return _ROWS


def _undone(cases: Sequence[Case], decisions: Decisions, at: int) -> int:
    """Take the last answer back; the number of the case that it was about."""
    last = decisions.undo()
    if last is None:
        _say("there is no answer to take back.")
        return at
    return next(number for number, case in enumerate(cases) if case.fingerprint == last.fingerprint)


def _style() -> Style:
    """Anew for each thing that is shown: somebody may make the window narrower."""
    return Style.detect(sys.stderr, os.environ)


def _tell(lines: Sequence[str]) -> None:
    click.echo("\n".join(lines), err=True)


def _say(text: str) -> None:
    _tell(shown.wrapped(f"keysweep: {text}", _style()))


def _end(cases: Sequence[Case], decisions: Decisions, target: Path, file: str | None, *, complete: bool) -> int:
    """Say what came of it, where anybody still listens, and the exit code."""
    made = {each.fingerprint: each for each in decisions.made}
    try:
        if cases:
            _summarise(cases, made, target, file)
        else:
            click.echo("keysweep: nothing to decide: there is no finding that the baseline does not accept.")
        if not complete:
            _say("something could not be scanned, see `keysweep scan`: there may be more.")
    except OSError:
        abandon(sys.stdout)
    accepted = (Choice.FALSE, Choice.UNTIL)
    if any(made[each.fingerprint].choice not in accepted if each.fingerprint in made else True for each in cases):
        return ExitCode.FINDINGS
    return ExitCode.CLEAN if complete else ExitCode.INCOMPLETE


def _summarise(cases: Sequence[Case], made: dict[str, Decision], target: Path, file: str | None) -> None:
    style = Style.detect(sys.stdout, os.environ)
    click.echo("\n".join(shown.summary(cases, made, file, style)))
    if any(each.entry for each in made.values()):
        click.echo(style.safe(f"          Commit {target}, so that everybody's scans know it."))
