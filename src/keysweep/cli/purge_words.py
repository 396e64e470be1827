"""The words of the commands in a plan to purge, and the files that they need."""

from __future__ import annotations

import os
from pathlib import Path

from keysweep.config import found
from keysweep.frozen import frozen
from keysweep.purge.expressions import name_line, text_line
from keysweep.purge.steps import Given, blobs_file, names_file
from keysweep.settings import Settings
from keysweep.sources.history.opening.addresses import is_address
from keysweep.sources.history.opening.source import local_path
from keysweep.suppress.chosen import baseline_path

TYPE_CHECKING = False
if TYPE_CHECKING:
    from keysweep.purge.plan import Plan
    from keysweep.purge.surroundings import Surroundings


@frozen
class Scope:
    """Which findings count, as a command says it of a mirror, where no configuration lies."""

    options: tuple[str, ...] = ()
    takes_findings: bool = False
    """Whether no option says it, because all there is is a baseline: then a findings file does."""


def scope_of(root: Path, config: Path | None, fail_on: str | None, *, none: bool) -> Scope:
    """What holds for the repository at `root`."""
    level = ("--fail-on", fail_on) if fail_on else ()
    if none:
        return Scope(("--no-config", *level))
    if chosen := config or found(root):
        return Scope(("--config", os.path.abspath(chosen), *level))
    return Scope(level, takes_findings=baseline_path(Settings(), root).exists())


def given_for(
    named: str | None, file: str | None, around: Surroundings, written: str | None, root: Path, scope: Scope
) -> Given:
    """The places and commands of a plan for the repository that is `named`, or of a findings `file`."""
    path = local_path(named or os.environ.get("GIT_DIR") or ".")
    is_directory = os.path.isdir(path)
    is_mirror = is_directory and around.is_mirror
    repository = os.path.abspath(path) if os.path.exists(path) else path
    if is_directory and not around.is_bare:
        repository = os.path.abspath(root)
    stem = os.path.basename(repository.rstrip("/")).removesuffix(".git").removesuffix(".bundle").lstrip("-.")
    above = os.path.dirname(repository) if os.path.isabs(repository) else os.getcwd()
    directory = above if is_mirror else os.path.join(above, f"{stem or 'repository'}-purge")
    mirror = repository if is_mirror else os.path.join(directory, f"{stem or 'repository'}.git")
    findings = os.path.abspath(file) if file else os.path.join(directory, "found.json")
    scan = ("keysweep", "scan", "--history", *scope.options)
    takes_findings = file is not None or scope.takes_findings
    return Given(
        repository,
        _origin(around, repository) if is_directory else repository,
        directory,
        mirror,
        is_mirror,
        os.path.abspath(written) if written else os.path.join(directory, "replacements.txt"),
        written is not None,
        findings,
        () if file else (*scan, "--format", "json", "--output", findings, repository),
        ("keysweep", "purge-plan", findings, "--repository", mirror)
        if takes_findings
        else ("keysweep", "purge-plan", *scope.options, mirror),
        takes_findings,
        (*scan, "--no-cache", mirror),
    )


def _origin(around: Surroundings, repository: str) -> str:
    """Where a repository was cloned from, as seen from anywhere; the repository itself, if nothing says that."""
    origin = around.origin
    return origin if is_address(origin) else os.path.normpath(os.path.join(repository, origin))


def files_for(plan: Plan, written: str) -> dict[str, bytes]:
    """The files for git filter-repo, by their paths. The first and the last hold secrets."""
    files = {written: b"".join(map(text_line, plan.text))}
    if plan.blobs:
        files[blobs_file(written)] = "".join(f"{each}\n" for each in plan.blobs).encode("ascii")
    if plan.names:
        files[names_file(written)] = b"".join(map(name_line, plan.names))
    return files
