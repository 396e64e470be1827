"""`keysweep purge-plan`."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

import click

from keysweep.cli import purge_shown
from keysweep.cli.output import check_writable, write_report
from keysweep.cli.private_files import check_private, write_private
from keysweep.cli.progress import progress_line
from keysweep.cli.purge_shown import Shown
from keysweep.cli.purge_words import Scope, files_for, given_for, scope_of
from keysweep.cli.scan import root_of
from keysweep.cli.settled import Settled, settle
from keysweep.errors import ExitCode, UsageError
from keysweep.findings import Finding, Kind, Severity
from keysweep.frozen import frozen, replace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from keysweep.findings import ScanResult
    from keysweep.purge.plan import Plan
    from keysweep.sources.history.copies import Copies
    from keysweep.verdicts import Containment, Verdict


@click.command("purge-plan")
@click.argument("what", required=False, metavar="[REPO|FINDINGS.json]")
@click.option("--repository", metavar="DIR", help="The repository of FINDINGS.json, if it is not where it was.")
@click.option(
    "--write-replacements",
    "written",
    metavar="FILE",
    help="Write what git filter-repo needs to FILE, FILE.blobs and FILE.names. They hold the secrets.",
)
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True)
@click.option("--output", metavar="FILE", help="Write the plan to FILE, whole or not at all.")
@click.option(
    "--fail-on",
    type=click.Choice([level.label for level in Severity]),
    help="Least severity that is planned for.  [default: medium]",
)
@click.option("--config", metavar="FILE", type=click.Path(path_type=Path), help="Use this configuration.")
@click.option("--no-config", is_flag=True, help="Ignore keysweep.toml, pyproject.toml and the baseline.")
@click.option("--jobs", type=click.IntRange(1, 1024), help="Worker processes.  [default: one a core]")
def purge_plan(
    what: str | None,
    repository: str | None,
    written: str | None,
    form: str,
    output: str | None,
    fail_on: str | None,
    config: Path | None,
    no_config: bool,
    jobs: int | None,
) -> int:
    """Plan how to take leaked keys out of the history of a repository with git filter-repo.

    Nothing is changed: this says where each key stands, what takes it out of there (tried on every copy), which
    refs have it, and what to do in which order. Keys that still let somebody in are contained first: a key in
    history that is dead does no harm, and rewriting makes no key safe. docs/purge.md says when it is worth it.

    With FINDINGS.json of `scan --history`, only what that file counts is planned for, and what it says of AWS
    holds. No secret is shown or written but with --write-replacements: for your eyes only, and in no work tree.

    \b
    Examples:
      keysweep purge-plan                                    the repository you stand in
      keysweep purge-plan app.git --write-replacements ../replacements.txt
      keysweep purge-plan found.json --repository app.git

    \b
    Exit codes:
      0  nothing to take out        1  there is, and this is the plan
      2  wrong usage or configuration        3  something could not be read or written
    """
    if config and no_config:
        raise UsageError("--config and --no-config exclude each other: give one of them.")
    if output:
        check_writable(output)
    asked = _asked(what, repository)
    if asked.file is not None and (config or no_config or fail_on):
        raise UsageError(
            "a findings file says by itself which findings count: leave out --config, --no-config and --fail-on."
        )
    root = root_of((asked.repository,) if asked.repository else ())
    settled = _settled(asked, root, config, none=no_config)
    if fail_on:
        settled = replace(settled, settings=replace(settled.settings, fail_on=Severity[fail_on.upper()]))
    scope = scope_of(root, config, fail_on, none=no_config) if asked.file is None else Scope()
    shown = _planned(asked, written, settled, root, scope, jobs)
    if shown.files:
        write_private(shown.files)
    write_report(output, lambda stream: purge_shown.write(shown, form, stream, is_file=output is not None))
    if shown.plan.leaks:
        return ExitCode.FINDINGS
    return ExitCode.INCOMPLETE if shown.problems else ExitCode.CLEAN


@frozen
class _Asked:
    """What is to be planned for."""

    repository: str | None
    """None is the one of the current directory."""
    file: str | None = None
    """The findings file."""
    fingerprints: Mapping[str, str | None] = {}
    """Those that it counts, with who laid them as bait."""
    verdicts: Mapping[str, Verdict] = {}
    """What it says that AWS said, by key ID."""
    complete: bool = True


def _asked(what: str | None, repository: str | None) -> _Asked:
    if what is None or not (what.endswith(".json") and os.path.isfile(what)):
        if repository:
            raise UsageError("--repository goes with a findings file, whose name ends with .json: name one.")
        return _Asked(what)
    from keysweep.report.read import file_of, read
    from keysweep.report.recorded import result_of

    file, result = read(what, lambda document: (file_of(document), result_of(document)))
    return _Asked(
        repository or file.repository or file.directory,
        what,
        {each.fingerprint: each.canary for each in file.findings},
        {each.key_id: each.verdict for each in result.findings if each.key_id and each.verdict},
        file.complete,
    )


def _settled(asked: _Asked, root: Path, config: Path | None, *, none: bool) -> Settled:
    from keysweep.sources.history.opening.source import is_directory

    elsewhere = config is None and asked.repository is not None and not is_directory(asked.repository)
    return settle(root, config, none=none or elsewhere or asked.file is not None, strict=False, base=None)


def _planned(
    asked: _Asked,
    written: str | None,
    settled: Settled,
    root: Path,
    scope: Scope,
    jobs: int | None,
) -> Shown:
    from keysweep.purge.plan import plan_purge
    from keysweep.purge.safety import safety_of
    from keysweep.purge.steps import steps
    from keysweep.sources.history.copies import every_copy
    from keysweep.sources.history.opening.source import opened_source

    settings = settled.settings
    with progress_line() as report, opened_source(asked.repository, report) as opened:
        if written:
            _check_written(written, opened.path)
        copies = every_copy(
            opened.path, limits=settings.limits, options=settings.options(), jobs=jobs, on_progress=report
        )
        counted, silenced = _counted(asked, copies, settled, root)
        plan = plan_purge(opened.path, copies, counted, settings.limits, settings.options(), report)
    off = _switched_off() if plan.leaks else {}
    safety = tuple(
        safety_of(leak.finding, asked.verdicts.get(leak.finding.key_id or ""), off) for leak in plan.leaks
    )
    given = given_for(asked.repository, asked.file, plan.around, written, root, scope)
    return Shown(
        given.repository,
        plan,
        safety,
        steps(plan, safety, given) if plan.leaks else (),
        (*opened.problems, *copies.result.problems, *plan.problems),
        tuple(_notes(asked, copies.result, counted, silenced, plan)),
        files_for(plan, written) if written and plan.leaks else {},
    )


def _check_written(written: str, repository: str) -> None:
    from keysweep import git
    from keysweep.purge.steps import blobs_file, names_file

    top = git.answer(("rev-parse", "--show-toplevel"), repository)
    trees = (os.fsdecode(top.removesuffix(b"\n")),) if top else ()
    for path in (written, blobs_file(written), names_file(written)):
        check_private(path, trees)


def _counted(asked: _Asked, copies: Copies, settled: Settled, root: Path) -> tuple[tuple[Finding, ...], int]:
    """The findings to plan for, and how many are silenced."""
    from keysweep.suppress.policy import apply

    if asked.file is not None:
        found = [each for each in copies.result.findings if each.fingerprint in asked.fingerprints]
        bait = asked.fingerprints
        return tuple(replace(each, canary=each.canary or bait[each.fingerprint]) for each in found), 0
    kept, silenced = apply(
        copies.result, settled.settings, os.fspath(root), baseline=settled.baseline, heeds=settled.heeds
    )
    least = settled.settings.fail_on
    return (
        tuple(each for each in kept.findings if each.severity >= least and each.kind is not Kind.CUSTOM),
        silenced,
    )


def _notes(asked: _Asked, result: ScanResult, counted: Sequence[Finding], silenced: int, plan: Plan) -> list[str]:
    """What a reader of the plan should know about what it does not plan for."""
    notes = []
    planned = {each.fingerprint for each in counted}
    if asked.file is not None:
        gone = len(asked.fingerprints.keys() - planned)
        if gone:
            notes.append(f"{gone} of {asked.file} not in this history: left out")
        if not asked.complete:
            notes.append(f"{asked.file} is of a scan that did not read everything; there may be more")
    else:
        less = len(result.findings) - len(planned) - silenced
        if silenced:
            notes.append(f"{silenced} accepted by comments, baseline or configuration: left out")
        if less > 0:
            notes.append(f"{less} of less than the severity that counts, or of your own rules: left out")
    if plan.around.is_shallow:
        notes.append(
            "this is a shallow clone: what came before its first commits is not in it, and not planned for"
        )
    return notes


def _switched_off() -> dict[str, Containment]:
    """What the journal says; nothing where there is none that can be trusted from end to end."""
    from keysweep.cli.journalled import contained
    from keysweep.verdicts import Contained

    known, doubts = contained()
    if doubts:
        return {}
    return {key_id: each for key_id, each in known.items() if each.state is Contained.OFF}
