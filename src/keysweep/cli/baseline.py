"""`keysweep baseline`: the file of accepted findings made, kept, and filled from other scanners' files."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TypeVar

import click

from keysweep.cli.known import Known, known, scan_for_baseline
from keysweep.cli.scan import root_of
from keysweep.cli.settled import load_settings
from keysweep.detect.pragmas import day
from keysweep.detect.scanner import scan
from keysweep.errors import ExitCode, IncompleteError, UsageError
from keysweep.findings import Origin
from keysweep.report.style import Style
from keysweep.suppress.baseline import Entry, load, merged, save
from keysweep.suppress.chosen import baseline_path
from keysweep.suppress.lapse import lapse, today

_Command = TypeVar("_Command", bound=Callable[..., object])


@click.group()
def baseline() -> None:
    """Accept findings that are known, each with a reason, an owner and dates, so that new ones stand out."""


def _about_files(command: _Command) -> _Command:
    for option in (
        click.option("--config", metavar="FILE", type=click.Path(path_type=Path), help="Use this configuration."),
        click.option("--output", metavar="FILE", type=click.Path(path_type=Path), help="The baseline to work on."),
    ):
        command = option(command)
    return command


def _about_entries(command: _Command) -> _Command:
    for option in (
        click.option("--until", metavar="DATE", help="Last day on which they are accepted, as 2027-01-31."),
        click.option("--owner", help="Who answers for it.  [default: user.email of git]"),
        click.option("--reason", required=True, help="Why these findings are accepted."),
    ):
        command = option(command)
    return command


_HISTORY = click.option("--history", is_flag=True, help="Scan every object of a repository.")


@baseline.command()
@click.argument("paths", nargs=-1)
@_HISTORY
@_about_entries
@_about_files
def create(
    paths: tuple[str, ...],
    history: bool,
    reason: str,
    owner: str | None,
    until: str | None,
    config: Path | None,
    output: Path | None,
) -> int:
    """Make a baseline of everything that a scan of PATHS finds, or that FINDINGS.json tells of."""
    target = target_of(paths, config, output)
    if os.path.lexists(target):
        raise UsageError(f"{target} is there already: use `keysweep baseline update`, or delete it first.")
    template = template_of(reason, owner, until)
    what = known(paths, history, config)
    entries = entries_of(what.counting, template)
    save(target, entries)
    return _done(target, len(entries), len(entries), "added", what)


@baseline.command()
@click.argument("paths", nargs=-1)
@_HISTORY
@click.option("--renew", is_flag=True, help="Also accept again what has expired.")
@_about_entries
@_about_files
def update(
    paths: tuple[str, ...],
    history: bool,
    renew: bool,
    reason: str,
    owner: str | None,
    until: str | None,
    config: Path | None,
    output: Path | None,
) -> int:
    """Add what a scan of PATHS finds, or FINDINGS.json tells of. Entries that are there stay as they are."""
    target = target_of(paths, config, output)
    old = load(target)
    template = template_of(reason, owner, until)
    what = known(paths, history, config)
    kept = {name: each for name, each in old.items() if not (renew and lapse(each.until, today()))}
    new = [each for each in entries_of(what.counting, template) if each.fingerprint not in kept]
    save(target, (old | merged(kept, new)).values())
    return _done(target, len(new), len(merged(old, new)), "added", what)


@baseline.command()
@click.argument("paths", nargs=-1)
@_HISTORY
@click.option("--expired", is_flag=True, help="Also take out what has expired.")
@_about_files
def prune(paths: tuple[str, ...], history: bool, expired: bool, config: Path | None, output: Path | None) -> int:
    """Take out what a scan of PATHS does not find any more, or FINDINGS.json does not tell of.

    Scan all that the baseline is about: where it also accepts keys in history, add --history. Nothing is taken out
    after a scan that did not read everything.
    """
    target = target_of(paths, config, output)
    old = load(target)
    what = known(paths, history, config)
    if not what.complete:
        raise IncompleteError(f"{target} was left as it is: something could not be scanned, see `keysweep scan`.")
    there = {name for name, _ in (*what.counting, *what.silenced)}
    kept = [each for name, each in old.items() if name in there and not (expired and lapse(each.until, today()))]
    save(target, kept)
    return _done(target, len(old) - len(kept), len(kept), "taken out", what)


@baseline.command("import")
@click.argument("file", required=False)
@click.argument("paths", nargs=-1)
@click.option(
    "--from",
    "kind",
    type=click.Choice(["gitleaks", "detect-secrets", "git-secrets"]),
    help="Whose file it is.  [default: told by its name]",
)
@_about_entries
@_about_files
def import_(
    file: str | None,
    paths: tuple[str, ...],
    kind: str | None,
    reason: str,
    owner: str | None,
    until: str | None,
    config: Path | None,
    output: Path | None,
) -> int:
    """Accept what FILE of another scanner accepts, as far as a scan of PATHS finds it.

    \b
    FILE is one of
      .gitleaksignore       of gitleaks: paths and lines, in the tree or in a commit
                            (with --from gitleaks also a report in JSON)
      .secrets.baseline     of detect-secrets: paths and hashes
      .gitallowed           of git-secrets: patterns; without FILE and with --from git-secrets, those that
                            `git config secrets.allowed` has
    """
    from keysweep.suppress.imports import imported, kind_of

    if file is None and kind != "git-secrets":
        raise UsageError(
            "Name the file to import, or give --from git-secrets to import what git's configuration has."
        )
    target = target_of(paths, config, output)
    old = load(target) if os.path.lexists(target) else {}
    template = template_of(reason, owner, until)
    chosen = kind or kind_of(file or "")
    scanned = scan_for_baseline(paths, False, config)
    taken = imported(chosen, file, scanned.findings, scanned.root, scanned.settings)
    new = [each for each in entries_of(taken.found, template) if each.fingerprint not in old]
    save(target, merged(old, new).values())
    for each in taken.left:
        click.echo(Style().safe(f"not imported  {each}"), err=True)
    what = Known(taken.found, (), scanned.complete)
    return _done(target, len(new), len(merged(old, new)), "added", what)


def target_of(paths: tuple[str, ...], config: Path | None, output: Path | None) -> Path:
    """The baseline to work on: the one that was named, or else that of the configuration which holds there."""
    if output is not None:
        return output
    root = root_of(paths)
    path = baseline_path(load_settings(root, config), config.parent if config else root)
    return Path(os.path.relpath(path))


def template_of(reason: str, owner: str | None, until: str | None) -> Entry:
    """What all new entries have in common."""
    if until is not None and (day(until) is None or lapse(until, today())):
        raise UsageError(f"--until {until} is no day to come: write it as 2027-01-31.")
    if not reason.strip():
        raise UsageError("--reason is empty: say why these findings are accepted.")
    owner = owner_of(owner)
    if holds_credential(f"{reason}\n{owner}\n"):
        raise UsageError("--reason or --owner holds a credential, and a baseline never does: say it without.")
    return Entry("", today().isoformat(), owner, reason, until)


def owner_of(given: str | None) -> str:
    """Who answers for new entries: who was named, or else git's user."""
    from keysweep import git

    owner = os.fsdecode(git.answer(("config", "user.email")) or b"").strip() if given is None else given
    if not owner.strip():
        raise UsageError("Nobody answers for the entries: give --owner, or set user.email in git.")
    return owner


def holds_credential(text: str) -> bool:
    """Whether there is one in what somebody wants to have in a baseline."""
    return bool(scan(text.encode("utf-8", "surrogateescape"), Origin("")).findings)


def entries_of(found: Iterable[tuple[str, str]], template: Entry) -> list[Entry]:
    """One entry for each fingerprint, with the first path where it stands; not one outside of the tree."""
    paths: dict[str, str] = {}
    for name, path in found:
        paths.setdefault(name, path)
    return [
        Entry(name, template.added, template.owner, template.reason, template.until, inside(path))
        for name, path in paths.items()
    ]


def inside(path: str) -> str | None:
    """The path as an entry tells it; None for one outside of the tree."""
    path = path.removeprefix("./")
    return None if not path or os.path.isabs(path) or path.startswith(os.pardir) else path


def _done(target: Path, changed: int, total: int, how: str, what: Known) -> int:
    entries = "entry" if changed == 1 else "entries"
    click.echo(Style().safe(f"keysweep: {target}: {changed} {entries} {how}, {total} in all."))
    if what.complete:
        return ExitCode.CLEAN
    click.echo("keysweep: something could not be scanned, see `keysweep scan`: there may be more.", err=True)
    return ExitCode.INCOMPLETE
